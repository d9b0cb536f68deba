//! What is no capture that is read here, told by how it begins: other programs' formats, archives, and what is no capture at all. Each is
//! refused by its name, with the way to make a capture of it where there is one.

/// Bytes of the beginning that the signatures need.
pub(super) const LOOK_BYTES: usize = 16;

const CONVERT: &str = "convert it first (editcap -F pcapng FILE OUT.pcapng)";
const UNPACK: &str = "unpack it first, and audit what is in it";
const LEAVE: &str = "leave it out";

/// How they begin, what they are called, and the mend.
pub(super) const OTHERS: [(&[u8], &str, &str); 53] = [
    (b"\x02\x21\x4c\x18", "lz4-compressed in the legacy format", "decompress it first (lz4 -dc FILE | wirewitness audit -)"),
    (b"\x1f\x9d", "compressed by compress", "decompress it first (uncompress -c FILE | wirewitness audit -)"),
    (b"\x5d\0\0", "LZMA-compressed", "decompress it first (xz -dc FILE | wirewitness audit -)"),
    (b"LZIP", "lzip-compressed", "decompress it first (lzip -dc FILE | wirewitness audit -)"),
    (b"PK\x03\x04", "a zip archive", "unpack it first (unzip -p FILE | wirewitness audit -)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"RTSS", "a Network Monitor 1 capture", CONVERT),
    (b"TRSNIFF data", "a Sniffer capture", CONVERT),
    (b"XCP\0", "a NetXRay capture", CONVERT),
    (b"VL\0\0", "a NetXRay 1 capture", CONVERT),
    (b"btsnoop\0", "a btsnoop capture", "it holds Bluetooth, and no packets of IP are read from it"),
    (b"\xaa\xaa\xaa\xaa", "a 5Views capture", CONVERT),
    (b"EyeSDN", "an EyeSDN capture", "it holds ISDN, and no packets of IP are read from it"),
    (b"\0\0\x02\0\x12\x05\0\x10", "a K12 capture", CONVERT),
    (b"+---------+-----", "a K12 capture in text", CONVERT),
    (b"\x7fver", "a Savvius (OmniPeek) capture", CONVERT),
    (b"\x05VNF", "a Visual Networks capture", CONVERT),
    (b"Session Transcri", "a Catapult DCT2000 trace", CONVERT),
    (b"i4b", "an i4btrace", "it holds ISDN, and no packets of IP are read from it"),
    (b"nettl", "an HP-UX nettl trace", CONVERT),
    (b"\x54\0\x98\x80\x54\0\0\0", "an HP-UX nettl trace", CONVERT),
    (b"TR\0d", "an HP-UX nettl trace", CONVERT),
    (b"\0\0\0\x01\0\0\0\0\0\x07\xd0\0", "an HP-UX nettl trace", CONVERT),
    (b"\x01\x10\x4c\0\x01\x05Trace", "a LANalyzer capture", CONVERT),
    (b"ObserverPktBuffe", "an Observer capture", CONVERT),
    (b"cpse", "a Capsa capture", CONVERT),
    (b"LOGG", "a log of vehicle buses (BLF)", CONVERT),
    (b"#!rtpplay1.0 ", "a dump of RTP", "it holds no packets as they were on a network"),
    (b"V0208", "an Aethra capture", "it holds ISDN, and no packets of IP are read from it"),
    (b"Sniffer MUX", "a Tektronix capture", CONVERT),
    (b" COMMUNICATIONS ", "an iSeries trace", CONVERT),
    (b"RADCOM", "a RADCOM capture", CONVERT),
    (b"\x42\xd2\0\x34\x12\x66\x22\x88", "a RADCOM capture", CONVERT),
    (b"#Format=4\r\n", "a Daintree capture", CONVERT),
    (b"iptrace 1.0", "an AIX iptrace", CONVERT),
    (b"iptrace 2.0", "an AIX iptrace", CONVERT),
    (b"\xa1\xe2\xcb\x12", "a pcap file of an unknown variant", CONVERT),
    (b"\x12\xcb\xe2\xa1", "a pcap file of an unknown variant", CONVERT),
    (b"\xac\x01\0\x1c", "an IXIA capture", CONVERT),
    (b"\x1c\0\x01\xac", "an IXIA capture", CONVERT),
    (b"\xab\x01\0\x1c", "an IXIA capture", CONVERT),
    (b"\x1c\0\x01\xab", "an IXIA capture", CONVERT),
    (b"ElfFile\0", "a Windows event log", LEAVE),
    (b"\x7fELF", "a program", LEAVE),
    (b"%PDF", "a PDF document", LEAVE),
    (b"ID3", "an MPEG audio file", LEAVE),
    (b"\xff\xfb", "an MPEG audio file", LEAVE),
    (b"\0\0\x01\xba", "an MPEG stream", LEAVE),
    (b"\x89PNG", "a picture", LEAVE),
    (b"\xff\xd8\xff", "a picture", LEAVE),
    (b"SQLite format 3", "an SQLite database", LEAVE),
    (b"\xd0\xcf\x11\xe0", "a Microsoft compound document", LEAVE),
];

/// Why a file that begins so is refused.
pub(super) fn refusal(header: &[u8]) -> String {
    use std::fmt::Write as _;

    if let Some((_, name, mend)) = OTHERS.iter().find(|(magic, ..)| header.starts_with(magic)) {
        return format!("is {name}: {mend}");
    }
    if is_erf(header) {
        return format!("looks like an Endace ERF capture: {CONVERT}");
    }
    let mut hex = String::new();
    for byte in header.iter().take(4) {
        let _ = write!(hex, "{byte:02x}");
    }
    let is_text = header.len() > 4 && header.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    let what = if is_text { "is text, and not" } else { "is not" };
    format!("{what} a pcap or pcapng capture (it begins with 0x{hex}): name a file that tcpdump -w or Wireshark wrote")
}

/// Whether the refusal is of a capture of another program, which somebody may have meant to be audited, rather than of something else.
pub(super) fn is_capture(header: &[u8]) -> bool {
    let known = OTHERS.iter().find(|(magic, ..)| header.starts_with(magic));
    known.map_or_else(|| is_erf(header), |(_, _, mend)| *mend != LEAVE)
}

/// ERF has no signature: a time of this century, a type that is in use, and a record length that its payload fits in.
fn is_erf(header: &[u8]) -> bool {
    let Some(&[_, _, _, _, s0, s1, s2, s3, kind, _, l0, l1, _, _, w0, w1]) = header.first_chunk::<16>() else { return false };
    let seconds = u32::from_le_bytes([s0, s1, s2, s3]);
    let (length, wire) = (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([w0, w1]));
    (946_684_800..4_102_444_800).contains(&seconds) && (1..=48).contains(&(kind & 0x7f)) && length >= 24 && wire > 0 && wire < 10_000
}
