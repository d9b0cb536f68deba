//! DNS code points as their registry writes them (IANA, RFC 6895). Unknown values survive and print with their number.

use std::fmt;

/// The type of a record or question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

/// The mnemonic, or `TYPEn` (RFC 3597).
impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            1 => "A",
            2 => "NS",
            5 => "CNAME",
            6 => "SOA",
            10 => "NULL",
            12 => "PTR",
            13 => "HINFO",
            15 => "MX",
            16 => "TXT",
            24 => "SIG",
            25 => "KEY",
            28 => "AAAA",
            29 => "LOC",
            33 => "SRV",
            35 => "NAPTR",
            39 => "DNAME",
            41 => "OPT",
            43 => "DS",
            44 => "SSHFP",
            46 => "RRSIG",
            47 => "NSEC",
            48 => "DNSKEY",
            50 => "NSEC3",
            51 => "NSEC3PARAM",
            52 => "TLSA",
            64 => "SVCB",
            65 => "HTTPS",
            99 => "SPF",
            249 => "TKEY",
            250 => "TSIG",
            251 => "IXFR",
            252 => "AXFR",
            255 => "ANY",
            256 => "URI",
            257 => "CAA",
            other => return write!(f, "TYPE{other}"),
        })
    }
}

impl RecordType {
    /// The type of a mnemonic, or of `TYPEn`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let by_number = || text.strip_prefix("TYPE").and_then(|number| number.parse().ok()).map(Self);
        (0..=257).map(Self).find(|known| known.to_string() == text).or_else(by_number)
    }
}

/// How a resolver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode(pub u16);

/// The mnemonic, or `RCODEn`.
impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            6 => "YXDOMAIN",
            7 => "YXRRSET",
            8 => "NXRRSET",
            9 => "NOTAUTH",
            10 => "NOTZONE",
            11 => "DSOTYPENI",
            16 => "BADVERS",
            23 => "BADCOOKIE",
            other => return write!(f, "RCODE{other}"),
        })
    }
}

impl ResponseCode {
    /// The code of a mnemonic, or of `RCODEn`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let by_number = || text.strip_prefix("RCODE").and_then(|number| number.parse().ok()).map(Self);
        (0..=23).map(Self).find(|known| known.to_string() == text).or_else(by_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_print_as_registered_and_unknown_ones_with_their_number() {
        let types: Vec<String> = [1, 28, 65, 1234].into_iter().map(|n| RecordType(n).to_string()).collect();
        assert_eq!(types, ["A", "AAAA", "HTTPS", "TYPE1234"]);
        assert_eq!((ResponseCode(3).to_string(), ResponseCode(4000).to_string()), ("NXDOMAIN".to_owned(), "RCODE4000".to_owned()));
    }
}
