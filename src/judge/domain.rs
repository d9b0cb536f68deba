//! Which domain a name belongs to: the part that somebody registered.
//!
//! That is its last two labels, or three where the last two are one of [`SHARED`]. The public suffix list says more, and too much for this: its
//! private section holds names that providers hand on to their customers, and takes whatever anybody asks it to, so that who owns a domain
//! could have each name below it counted alone. A suffix that is missing here counts several registrants as one, which hides nothing.

/// Suffixes of two labels under which registries sell names.
const SHARED: &[&str] = &[
    "ac.at", "ac.il", "ac.in", "ac.jp", "ac.kr", "ac.nz", "ac.th", "ac.uk", "ac.za", "co.at", "co.id", "co.il", "co.in", "co.jp", "co.ke",
    "co.kr", "co.nz", "co.th", "co.uk", "co.za", "com.ar", "com.au", "com.bd", "com.br", "com.cn", "com.co", "com.eg", "com.hk", "com.mx",
    "com.my", "com.ng", "com.pe", "com.ph", "com.pk", "com.pl", "com.sa", "com.sg", "com.tr", "com.tw", "com.ua", "com.uy", "com.ve",
    "com.vn", "edu.au", "edu.cn", "edu.pl", "edu.tw", "go.jp", "go.kr", "gob.mx", "gov.au", "gov.br", "gov.cn", "gov.in", "gov.uk",
    "govt.nz", "in.th", "ne.jp", "net.au", "net.br", "net.cn", "net.in", "net.nz", "net.pl", "nhs.uk", "or.at", "or.jp", "or.kr", "org.au",
    "org.br", "org.cn", "org.hk", "org.il", "org.in", "org.nz", "org.pl", "org.tw", "org.uk", "org.za",
];

/// Splits a name into its domain and what stands below it, without the dot between. A name of one label is all below the root.
pub(super) fn split(name: &str) -> (&str, &str) {
    let mut dots = name.bytes().enumerate().rev().filter_map(|(at, byte)| (byte == b'.').then_some(at));
    if dots.next().is_none() {
        return (".", name);
    }
    let cut = match dots.next() {
        Some(second) if is_shared(name.get(second + 1..).unwrap_or_default()) => dots.next(),
        Some(second) => Some(second),
        None => None,
    };
    cut.map_or((name, ""), |cut| (name.get(cut + 1..).unwrap_or_default(), name.get(..cut).unwrap_or_default()))
}

/// Whether names below it are registered by anybody: a name of one label, or one of [`SHARED`].
pub(super) fn is_suffix(name: &str) -> bool {
    !name.contains('.') || is_shared(name)
}

/// Whether a name is one of [`SHARED`]: most are too long.
fn is_shared(name: &str) -> bool {
    const LONGEST: usize = 7;
    name.len() <= LONGEST && SHARED.binary_search(&name).is_ok()
}

/// Whether a name is below a domain, or the domain itself.
pub(super) fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_what_was_registered() {
        assert_eq!(split("a.b.example.com"), ("example.com", "a.b"));
        assert_eq!(split("a.b.example.co.uk"), ("example.co.uk", "a.b"));
        assert_eq!(split("example.co.uk"), ("example.co.uk", ""));
        assert_eq!(split("co.uk"), ("co.uk", ""));
        assert_eq!(split("example.com"), ("example.com", ""));
        assert_eq!(split("d111111abcdef8.cloudfront.net"), ("cloudfront.net", "d111111abcdef8"));
        assert_eq!(split("onelabel"), (".", "onelabel"));
        assert_eq!(split(""), (".", ""));
        assert_eq!(split("a..b"), (".b", "a"));
        assert!(is_suffix("com") && is_suffix("co.uk") && !is_suffix("example.co.uk"));
        assert!(is_under("a.b.c", "b.c") && is_under("b.c", "b.c") && !is_under("ab.c", "b.c"));
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(SHARED.is_sorted() && SHARED.iter().all(|suffix| is_shared(suffix)));
    }
}
