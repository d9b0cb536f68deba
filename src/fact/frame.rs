//! Frames as a source hands them on: owned blocks of bytes with an index of the frames in them.

use super::{FrameId, Timestamp};

/// A link type of the LINKTYPE_ registry (tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: the family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// IPv4 or IPv6, told by the version nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: the family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// IPv4 alone.
    pub const IPV4: Self = Self(228);
    /// IPv6 alone.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);

    /// A medium that another registry numbers, and that has no number in this one.
    pub const UNREGISTERED: Self = Self(0xffff);

    /// The registry's name, where this program knows it; `LINKTYPE_n` otherwise.
    #[must_use]
    pub fn name(self) -> String {
        let known = match self.0 {
            0 => "NULL",
            1 => "ETHERNET",
            6 => "IEEE802_5",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            100 => "ATM_RFC1483",
            101 | 12 | 14 => "RAW",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            113 => "LINUX_SLL",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            122 => "IP_OVER_FC",
            123 => "SUNATM",
            127 => "IEEE802_11_RADIOTAP",
            163 => "IEEE802_11_AVS",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4_WITHFCS",
            201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
            220 => "USB_LINUX_MMAPPED",
            228 => "IPV4",
            229 => "IPV6",
            239 => "NFLOG",
            249 => "USBPCAP",
            253 => "NETLINK",
            258 => "PKTAP",
            276 => "LINUX_SLL2",
            0xffff => "UNREGISTERED",
            _ => "",
        };
        if known.is_empty() { format!("LINKTYPE_{}", self.0) } else { known.to_owned() }
    }
}

/// One frame of a [`Block`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameIndex {
    /// Which frame of which input.
    pub id: FrameId,
    /// When it was captured.
    pub at: Timestamp,
    /// Where its bytes begin in [`Block::bytes`].
    pub offset: u32,
    /// How many of its bytes were captured: they all lie in the block.
    pub captured: u32,
    /// How many it had on the wire; never less than `captured`.
    pub wire: u32,
    /// The input's interface, counted from 0 over all its sections.
    pub interface: u32,
    /// What its first bytes are.
    pub link: LinkType,
    /// The lane that it belongs to, once `decode` has looked.
    pub lane: u8,
    /// Bits of the `FLAG_` constants.
    pub flags: u8,
}

impl FrameIndex {
    /// Left out by the user's filter: counted, looked at for its addresses alone, never judged.
    pub const FLAG_FILTERED: u8 = 1;
}

/// Frames that travel together: the unit of reading, of handing to threads and of ordering.
#[derive(Debug, Default)]
pub struct Block {
    /// Counts blocks from 0 over the whole audit.
    pub sequence: u64,
    /// What was read, record headers and all.
    pub bytes: Vec<u8>,
    /// The frames in the order of the input.
    pub frames: Vec<FrameIndex>,
    /// The input begins anew with this block: nothing carries over where time runs backwards to it.
    pub begins_input: bool,
}

impl Block {
    /// The bytes of a frame of this block; empty for a frame that is not of it.
    #[must_use]
    pub fn frame(&self, index: &FrameIndex) -> &[u8] {
        let start = index.offset as usize;
        self.bytes.get(start..start.saturating_add(index.captured as usize)).unwrap_or_default()
    }
}
