"""Certificates for one test, made by the openssl command."""

import subprocess
from pathlib import Path


class Certificates:
    """`ca` and `other-ca`; `server` and `client` signed by the first, `stranger` by the second: each .crt and .key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("ca", "other-ca"):
            self._openssl("req", "-x509", *self._new_key(name), "-out", self.file(f"{name}.crt"), "-days", "2")
        for name, authority in (("server", "ca"), ("client", "ca"), ("stranger", "other-ca")):
            self._sign(name, authority)

    def file(self, name: str) -> str:
        return str(self._folder / name)

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def _sign(self, name: str, authority: str) -> None:
        self._openssl("req", "-new", *self._new_key(name), "-out", self.file(f"{name}.csr"))
        (self._folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        by = ["-CA", self.file(f"{authority}.crt"), "-CAkey", self.file(f"{authority}.key"), "-CAcreateserial"]
        signed = ["-days", "2", "-extfile", self.file(f"{name}.ext"), "-out", self.file(f"{name}.crt")]
        self._openssl("x509", "-req", "-in", self.file(f"{name}.csr"), *by, *signed)

    def _new_key(self, name: str) -> list[str]:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        return [*key, "-keyout", self.file(f"{name}.key"), "-subj", f"/CN={name}"]

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
