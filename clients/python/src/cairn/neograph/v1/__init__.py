"""The messages of NeoGraph's checkpoint service, as protobuf makes them."""
