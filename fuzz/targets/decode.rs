//! Any bytes of any link: a packet inside them, or a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness::decode;
use wirewitness::fact::LinkType;

fuzz_target!(|bytes: &[u8]| {
    let [link, more, cut, frame @ ..] = bytes else { return };
    let link = match link {
        // the links that are read come up more often than the rest
        0..=200 => [0, 1, 12, 101, 108, 113, 228, 229, 276][usize::from(link % 9)],
        _ => u16::from_be_bytes([*link & 3, *more]),
    };
    let wire = frame.len() as u32 + u32::from(*cut);
    if let Ok(packet) = decode::packet(LinkType(link), frame, wire) {
        assert!(packet.payload.len() <= frame.len());
        assert!(packet.missing as usize <= usize::from(u16::MAX).max(wire as usize));
        let inside = frame.as_ptr_range();
        assert!(packet.payload.is_empty() || inside.contains(&packet.payload.as_ptr()));
    }
});
