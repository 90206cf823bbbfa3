"""What Python's values stand for in a thread's state, in both directions.

| in Python                      | in MessagePack and JSON                                                    |
|--------------------------------|----------------------------------------------------------------------------|
| `int`                          | an integer: −2^63 to 2^64 − 1 in MessagePack, any in JSON                   |
| `float`                        | a 64-bit float, also `1.0` and `-0.0`; NaN and infinities in MessagePack only |
| `str`, `bool`, `None`          | themselves                                                                 |
| `list`, `tuple`                | a list; comes back as a `list`                                             |
| `dict`                         | a map; keys that are no text in MessagePack only                           |
| `bytes`, `bytearray`, `memoryview` | bytes. MessagePack only; comes back as `bytes`                         |
| `Extension`                    | a MessagePack extension, kept as it is; type −1 comes as `msgpack.Timestamp` |

Objects of other classes (`datetime`, `set`, dataclasses) are refused: convert them to one of the above.
"""

from cairn.values.plain import Extension
from cairn.values.typed import EncodedValue, Encoding, OpaqueValue, decode, encode

__all__ = ["EncodedValue", "Encoding", "Extension", "OpaqueValue", "decode", "encode"]
