"""The messages of the API, as protobuf makes them."""
