//! TLS from a certificate chain and a key in PEM files, by rustls with ring, for HTTP/2 and HTTP/1.1.
//!
//! Promises: a failed [`Tls::reload`] leaves the old certificate in place; no error carries a byte of the key.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// What new connections are greeted with; replaced as a whole by [`Tls::reload`].
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

/// Why a certificate or key can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Missing, unreadable, or not PEM with what is expected. (The parser's own text is left out for keys: it may quote the file.)
    #[error("{path}: no readable {what} in PEM form")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What was expected in it.
        what: &'static str,
    },
    /// The two don't fit, or rustls refuses them.
    #[error("{certificate} with {key}: {source}")]
    Unusable {
        /// The chain's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads both files. `certificate`: the chain, leaf first.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, Error> {
        let current = RwLock::new(config(&certificate, &key)?);
        Ok(Self { certificate, key, current })
    }

    /// Reads both files again (after a renewal). Open connections keep what they have.
    ///
    /// # Errors
    /// As [`Error`] says; then nothing has changed.
    pub fn reload(&self) -> Result<(), Error> {
        let fresh = config(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// For the next connection.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, Error> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .ok()
        .filter(|chain: &Vec<_>| !chain.is_empty())
        .ok_or_else(|| Error::Unreadable { path: certificate.to_owned(), what: "certificate" })?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|_may_quote_the_key| Error::Unreadable { path: key.to_owned(), what: "private key" })?;
    let unusable = |source| Error::Unusable { certificate: certificate.to_owned(), key: key.to_owned(), source };
    // Named here rather than taken from the process: two rustls providers may be linked one day, and then there is no default.
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Viewers that come back after a drop resume without a signature, and the server keeps no state for them.
    config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(unusable)?;
    Ok(Arc::new(config))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A fresh certificate for `localhost`: the two files, and the certificate for a client to trust.
    pub(in crate::http) fn files(dir: &Path) -> (PathBuf, PathBuf, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key, made.cert.der().clone())
    }

    #[test]
    fn a_bad_renewal_keeps_the_old_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key, _) = files(dir.path());
        let tls = Tls::load(certificate.clone(), key.clone()).unwrap();
        let before = tls.current();
        std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n").unwrap();
        let error = tls.reload().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
        assert!(Arc::ptr_eq(&before, &tls.current()));
        files(dir.path());
        tls.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &tls.current()));
        std::fs::write(&certificate, "").unwrap();
        assert!(matches!(tls.reload(), Err(Error::Unreadable { what: "certificate", .. })));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let (certificate, _, _) = files(dir.path());
        let (_, key, _) = files(other.path());
        assert!(matches!(Tls::load(certificate, key), Err(Error::Unusable { .. })));
    }
}
