"""Web configuration files, and certificates of an authority that exists for one test."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


class WebFiles:
    """Certificates, and web configuration files that name them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._certificate("ca", "ca", self.key.public_key(), ca=True)
        self._write("ca", self.ca, self.key)

    def issue(self, name: str, key: Any = None) -> Path:
        """Write `name`.pem and `name`.key for 127.0.0.1, signed by `ca.pem`."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        cert = self._certificate(name, "ca", key.public_key(), ca=False)
        return self._write(name, cert, key)

    def config(self, text: str, name: str = "web.yml") -> Path:
        """Write a web configuration file."""
        path = self.folder / name
        path.write_text(text)
        return path

    def _certificate(self, name: str, issuer: str, public: Any, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        addresses = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        usage = dict.fromkeys(USAGES, False) | dict.fromkeys(
            ("key_cert_sign", "crl_sign") if ca else ("digital_signature",), True
        )
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(signer, critical=False)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def _write(self, name: str, cert: x509.Certificate, key: Any) -> Path:
        path = self.folder / f"{name}.pem"
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        return path
