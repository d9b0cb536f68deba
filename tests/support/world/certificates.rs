//! The authorities of the worlds and what they issue: right ones, and ones with a flaw. What *ring* does not make (MD5, RSA of 1024 bits) was
//! made once with OpenSSL, by `src/inspect/certificate/testdata/README.md`.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server shows, and the key of its own certificate.
pub struct Identity {
    /// Its own, and the issuing authority's. The root is not sent.
    pub chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Expired,
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// It is for one label less.
    WildcardTooHigh,
    /// The name stands in the subject alone.
    CommonName,
    SelfSigned,
    /// The issuing authority beside it has the right name and another key.
    Forged,
    /// RSA with 1024 bits.
    WeakKey,
    /// MD5.
    WeakSignature,
    /// Bytes that are no certificate.
    Noise,
}

struct Authorities {
    root: Vec<u8>,
    issuing: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
    /// Of the same name, by another root.
    false_one: Vec<u8>,
}

static AUTHORITIES: LazyLock<Authorities> = LazyLock::new(|| {
    let key = || KeyPair::generate().expect("a key");
    let make = || {
        let root = Issuer::new(params("World Root", &[], true), key());
        let der = params("World Root", &[], true).self_signed(root.key()).expect("a root").der().to_vec();
        let own = key();
        let issuing = params("World Issuing", &[], true);
        let certificate = issuing.signed_by(&own, &root).expect("an authority").der().to_vec();
        (der, Issuer::new(issuing, own), certificate)
    };
    let (root, issuing, certificate) = make();
    Authorities { root, issuing, certificate, false_one: make().2 }
});

fn params(subject: &str, names: &[&str], is_authority: bool) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, subject);
    // whatever the day on which a world is played
    (params.not_before, params.not_after) = (date_time_ymd(1970, 1, 1), date_time_ymd(2099, 1, 1));
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

fn issue(params: &CertificateParams) -> Identity {
    let (authorities, key) = (&*AUTHORITIES, KeyPair::generate().expect("a key"));
    let own = params.signed_by(&key, &authorities.issuing).expect("a certificate").der().to_vec();
    Identity { chain: vec![own, authorities.certificate.clone()], key: key.serialize_der() }
}

/// The certificate of the worlds' root.
pub fn root() -> &'static [u8] {
    &AUTHORITIES.root
}

/// What the server of this name, or address, shows. It has the same throughout a run.
pub fn identity(name: &str) -> Arc<Identity> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Identity>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().expect("no panic");
    let known = made.entry(name.to_owned()).or_insert_with(|| Arc::new(issue(&params(name, &[name], false))));
    Arc::clone(known)
}

/// A chain with a flaw, which is valid otherwise, save that what OpenSSL made is for another name and signed by itself besides.
pub fn flawed(name: &str, flaw: Flaw) -> Vec<Vec<u8>> {
    let mut own = params(name, &[name], false);
    match flaw {
        Flaw::Expired => own.not_after = date_time_ymd(1971, 1, 1),
        Flaw::NotYetValid => own.not_before = date_time_ymd(2098, 1, 1),
        Flaw::WrongName => own = params(name, &["elsewhere.example"], false),
        Flaw::WildcardTooHigh => {
            let above = name.split_once('.').map_or(name, |(_, above)| above);
            // a name of two labels has nothing above it but the star itself
            let higher = above.split_once('.').map_or_else(|| "*".to_owned(), |(_, higher)| format!("*.{higher}"));
            own = params(name, &[&higher], false);
        }
        Flaw::CommonName => own = params(name, &[], false),
        Flaw::SelfSigned => {
            let key = KeyPair::generate().expect("a key");
            return vec![own.self_signed(&key).expect("a certificate").der().to_vec()];
        }
        Flaw::Forged => return vec![identity(name).chain[0].clone(), AUTHORITIES.false_one.clone()],
        Flaw::WeakKey => return vec![include_bytes!("../../../src/inspect/certificate/testdata/rsa-1024.der").to_vec()],
        Flaw::WeakSignature => return vec![include_bytes!("../../../src/inspect/certificate/testdata/md5.der").to_vec()],
        Flaw::Noise => return vec![vec![0x11; 700]],
    }
    issue(&own).chain
}

/// The body of a Certificate message.
pub fn message(chain: &[Vec<u8>]) -> Vec<u8> {
    let vector = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    vector(&chain.iter().flat_map(|der| vector(der)).collect::<Vec<_>>())
}

impl Identity {
    /// As rustls takes it.
    pub fn for_rustls(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = self.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        (chain, PrivatePkcs8KeyDer::from(self.key.clone()).into())
    }
}
