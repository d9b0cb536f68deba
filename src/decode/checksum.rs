//! The checksum of the internet protocols (RFC 1071).

/// The ones' complement sum of `bytes`, added to `sum`: `0xffff` where they hold their own checksum and it is right.
pub(super) fn sum(bytes: &[u8], sum: u32) -> u16 {
    let mut words = bytes.chunks_exact(2);
    let mut total = u64::from(sum);
    for word in words.by_ref() {
        total += u64::from(u16::from_be_bytes([word[0], word[1]]));
    }
    if let [last] = words.remainder() {
        total += u64::from(*last) << 8;
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}
