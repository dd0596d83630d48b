//! The certificate authorities that both clients trust: those of the machine, or those in the file and
//! folders that `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead.
//!
//! A company's own authority is known to the machine, not to a list in this program.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Returns the certificate authorities of the machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
///
/// # Errors
///
/// Says why there is none.
pub(crate) fn load_authorities() -> Result<Vec<CertificateDer<'static>>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    if !loaded.certs.is_empty() {
        return Ok(loaded.certs);
    }
    let cause = loaded.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
    Err(format!("no trusted certificate was found; check SSL_CERT_FILE and SSL_CERT_DIR{cause}"))
}

/// Checks the file that `SSL_CERT_FILE` names, so that a mistake in it is not taken for a certificate of the
/// server that is not trusted. `read` returns a variable of the environment by its name.
///
/// # Errors
///
/// Says that the file cannot be read, or holds no certificate.
pub(crate) fn check_authority_file(read: impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    let Some(path) = read("SSL_CERT_FILE") else { return Ok(()) };
    let shown = path.to_string_lossy();
    let bytes = std::fs::read(Path::new(&path))
        .map_err(|error| format!("SSL_CERT_FILE: cannot read `{shown}` ({})", error.kind()))?;
    let mut certificates = CertificateDer::pem_slice_iter(&bytes);
    if certificates.any(|certificate| certificate.is_ok()) {
        Ok(())
    } else {
        Err(format!("SSL_CERT_FILE: `{shown}` holds no certificate in PEM"))
    }
}

/// Returns how octocrab's connections are encrypted, with these trusted authorities.
///
/// # Errors
///
/// Says why they cannot be.
pub(crate) fn build_tls_config(authorities: Vec<CertificateDer<'static>>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // Some machines keep certificates that rustls cannot use; those are left out, as ureq does it.
    roots.add_parsable_certificates(authorities);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
