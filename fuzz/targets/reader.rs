//! The readers of pcap and pcapng: any bytes, in blocks of any size, give the same frames, all inside their block.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use wirewitness::fact::Block;
use wirewitness::source::{CaptureStats, Fill, Source, file};
use wirewitness_fuzz::audit::Chunks;

type Read = (Vec<(u64, i64, u32, u16, Vec<u8>)>, CaptureStats);

fn read(bytes: &[u8], chunk: usize) -> Option<Read> {
    let reader = Chunks { bytes: Cursor::new(bytes.to_vec()), chunk };
    let mut source = file::from_reader("capture".to_owned(), 0, Box::new(reader)).ok()?;
    let mut frames = Vec::new();
    let mut block = Block::default();
    loop {
        let fill = source.fill(&mut block).expect("damage is no error");
        for frame in &block.frames {
            let bytes = block.frame(frame);
            assert_eq!(bytes.len(), frame.captured as usize, "a frame lies in its block");
            frames.push((frame.id.number(), frame.at.as_nanos(), frame.wire, frame.link.0, bytes.to_vec()));
        }
        if fill == Fill::End {
            break;
        }
    }
    let stats = source.stats().clone();
    assert_eq!(stats.packets, frames.len() as u64);
    assert!(stats.bytes <= bytes.len() as u64);
    Some((frames, stats))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&chunk, bytes)) = bytes.split_first() else { return };
    let whole = read(bytes, usize::MAX);
    assert_eq!(whole, read(bytes, 1 + usize::from(chunk)), "blocks matter");
});
