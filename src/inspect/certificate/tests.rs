//! Chains of every shape, and what is no chain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer as Authority, KeyPair, date_time_ymd};

use super::*;

/// A certificate and what signs with its key.
struct Made {
    der: Vec<u8>,
    authority: Authority<'static, KeyPair>,
}

fn params(name: &str, is_authority: bool) -> CertificateParams {
    let mut params = CertificateParams::new(if is_authority { Vec::new() } else { vec![name.to_owned()] }).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

fn root(name: &str) -> Made {
    let (params, key) = (params(name, true), KeyPair::generate().unwrap());
    Made { der: params.self_signed(&key).unwrap().der().to_vec(), authority: Authority::new(params, key) }
}

fn below(above: &Made, params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    Made { der: params.signed_by(&key, &above.authority).unwrap().der().to_vec(), authority: Authority::new(params, key) }
}

fn message(certificates: &[&[u8]]) -> Vec<u8> {
    let vector = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    vector(&certificates.iter().flat_map(|der| vector(der)).collect::<Vec<_>>())
}

fn at(year: i32, month: u32) -> Timestamp {
    Timestamp::from_date(year, month, 1)
}

#[test]
fn a_leaf_is_read_as_it_was_made() {
    let (top, mut wanted) = (root("Lab Root"), params("www.example.com", false));
    wanted.subject_alt_names.push(rcgen::SanType::IpAddress([192, 0, 2, 1].into()));
    let leaf = below(&top, wanted);
    let chain = read(&message(&[&leaf.der]), None).unwrap();
    let read = &chain.leaf;
    assert!(read.subject.as_str().contains("CN=www.example.com") && read.issuer.as_str().contains("CN=Lab Root"), "{read:?}");
    assert_eq!((read.not_before, read.not_after), (at(2026, 1), at(2027, 1)));
    assert_eq!((read.key.as_str(), read.signature.as_str()), ("EC P-256", "SHA-256 with ECDSA"));
    assert_eq!(read.names, [AltName::Host(Name::from_wire(b"www.example.com")), AltName::Address([192, 0, 2, 1].into())]);
    assert!(!read.is_self_signed && !read.is_key_weak && !read.is_signature_weak);
    assert_eq!((chain.sent, &chain.broken, chain.trust_at(at(2026, 6))), (1, &None, None));
    assert!(self::read(&message(&[&top.der]), None).unwrap().leaf.is_self_signed);
}

#[test]
fn the_way_is_found_in_any_order_and_among_others() {
    let (top, other) = (root("Lab Root"), root("Somebody Else"));
    let middle = below(&top, params("Lab Issuing", true));
    let leaf = below(&middle, params("www.example.com", false));
    for sent in [&[&leaf, &middle, &top][..], &[&leaf, &top, &middle], &[&leaf, &other, &middle, &other], &[&leaf, &middle]] {
        let sent: Vec<&[u8]> = sent.iter().map(|made| made.der.as_slice()).collect();
        let chain = read(&message(&sent), None).unwrap();
        assert!(chain.broken.is_none());
        assert!(chain.issuers[0].subject.as_str().contains("Lab Issuing"));
    }
}

#[test]
fn a_signature_of_another_key_breaks_the_way() {
    let (top, false_one) = (root("Lab Root"), root("Lab Root"));
    let leaf = below(&top, params("www.example.com", false));
    assert!(read(&message(&[&leaf.der, &false_one.der]), None).unwrap().broken.is_some());
    // where the right one is there too, the other does not count
    assert!(read(&message(&[&leaf.der, &false_one.der, &top.der]), None).unwrap().broken.is_none());
    // it names itself as its issuer, and did not sign itself
    let impostor = below(&top, {
        let mut own = params("Lab Root", false);
        own.distinguished_name.push(DnType::CommonName, "Lab Root");
        own
    });
    let chain = read(&message(&[&impostor.der]), None).unwrap();
    assert!(chain.broken.is_some() && !chain.leaf.is_self_signed);
}

#[test]
fn trust_is_a_matter_of_roots_and_of_time() {
    let (top, other) = (root("Lab Root"), root("Somebody Else"));
    let mut short = params("Lab Issuing", true);
    short.not_after = date_time_ymd(2026, 7, 1);
    let middle = below(&top, short);
    let leaf = below(&middle, params("www.example.com", false));
    let roots = |of: &[&Made]| Roots::new(of.iter().map(|made| made.der.as_slice())).unwrap();
    let trust = |sent: &[&Made], roots: &Roots, moment| {
        let sent: Vec<&[u8]> = sent.iter().map(|made| made.der.as_slice()).collect();
        read(&message(&sent), Some(roots)).unwrap().trust_at(moment).unwrap()
    };
    assert_eq!(trust(&[&leaf, &middle], &roots(&[&top]), at(2026, 3)), Trust::Trusted);
    assert_eq!(trust(&[&leaf, &middle, &top], &roots(&[&other, &top]), at(2026, 3)), Trust::Trusted);
    assert!(matches!(trust(&[&leaf, &middle], &roots(&[&top]), at(2026, 9)), Trust::Untrusted(_)), "the issuer expired");
    assert!(matches!(trust(&[&leaf, &middle], &roots(&[&other]), at(2026, 3)), Trust::Untrusted(_)));
    assert!(matches!(trust(&[&leaf], &roots(&[&top]), at(2026, 3)), Trust::Untrusted(_)), "what leads to the root was not sent");
    assert_eq!(trust(&[&top], &roots(&[&top]), at(2026, 3)), Trust::Trusted, "a root itself");
    assert!(Roots::new([]).is_none());
}

#[test]
fn what_is_no_list_of_certificates_is_said_to_be_unread() {
    let top = root("Lab Root");
    let whole = message(&[&top.der]);
    for cut in 0..whole.len() {
        assert_eq!(read(&whole[..cut], None), Err(Unread::Malformed), "{cut}");
    }
    assert_eq!(read(&[whole.clone(), vec![0]].concat(), None), Err(Unread::Malformed));
    assert_eq!(read(&message(&[]), None), Err(Unread::Malformed));
    assert_eq!(read(&message(&[&[]]), None), Err(Unread::Malformed));
    assert_eq!(read(&message(&[top.der.as_slice(); limits::CERTIFICATES + 1]), None), Err(Unread::Limit));
}

/// Made once with OpenSSL 3, as its function says, since *ring* makes neither such keys nor such signatures.
fn made_by_openssl(which: &str) -> Vec<u8> {
    let bytes: &[u8] = match which {
        "rsa-1024" => include_bytes!("testdata/rsa-1024.der"),
        "sha-1" => include_bytes!("testdata/sha-1.der"),
        "md5" => include_bytes!("testdata/md5.der"),
        "dsa" => include_bytes!("testdata/dsa.der"),
        "p-192" => include_bytes!("testdata/p-192.der"),
        "pss-sha-1" => include_bytes!("testdata/pss-sha-1.der"),
        _ => panic!("no such certificate"),
    };
    bytes.to_vec()
}

#[test]
fn weak_keys_and_signatures_are_told() {
    let told = |which| {
        let chain = read(&message(&[&made_by_openssl(which)]), None).unwrap();
        let leaf = chain.leaf;
        (leaf.key.as_str().to_owned(), leaf.is_key_weak, leaf.signature.as_str().to_owned(), leaf.is_signature_weak)
    };
    let expected = |key: &str, is_key, signature: &str, is_signature| (key.to_owned(), is_key, signature.to_owned(), is_signature);
    assert_eq!(told("rsa-1024"), expected("RSA 1024", true, "SHA-256 with RSA", false));
    assert_eq!(told("sha-1"), expected("RSA 2048", false, "SHA-1 with RSA", true));
    assert_eq!(told("md5"), expected("RSA 2048", false, "MD5 with RSA", true));
    assert_eq!(told("dsa"), expected("DSA", true, "2.16.840.1.101.3.4.3.2", false));
    assert_eq!(told("p-192"), expected("EC P-192", true, "SHA-256 with ECDSA", false));
    assert_eq!(told("pss-sha-1"), expected("RSA 2048", false, "RSASSA-PSS with SHA-1", true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_that_is_changed_in_a_chain_brings_the_reader_down(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut: prop::sample::Index) {
        static WHOLE: std::sync::LazyLock<(Vec<u8>, Roots)> = std::sync::LazyLock::new(|| {
            let top = root("Lab Root");
            let leaf = below(&top, params("www.example.com", false));
            (message(&[&leaf.der, &top.der, &made_by_openssl("pss-sha-1")]), Roots::new([top.der.as_slice()]).unwrap())
        });
        let mut bytes = WHOLE.0.clone();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        let _ = read(&bytes, Some(&WHOLE.1));
        let _ = read(&bytes[..cut.index(bytes.len())], None);
    }
}
