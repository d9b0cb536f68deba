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
            3 => "AX25",
            6 => "IEEE802_5",
            7 => "ARCNET_BSD",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            100 => "ATM_RFC1483",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            106 => "ATM_CLIP",
            107 => "FRELAY",
            108 => "LOOP",
            109 => "ENC",
            113 => "LINUX_SLL",
            114 => "LTALK",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            122 => "IP_OVER_FC",
            123 => "SUNATM",
            127 => "IEEE802_11_RADIOTAP",
            129 => "ARCNET_LINUX",
            138 => "APPLE_IP_OVER_IEEE1394",
            139 => "MTP2_WITH_PHDR",
            140 => "MTP2",
            141 => "MTP3",
            142 => "SCCP",
            143 => "DOCSIS",
            144 => "LINUX_IRDA",
            149 => "USER2",
            163 => "IEEE802_11_AVS",
            166 => "PPP_PPPD",
            177 => "LINUX_LAPD",
            182 => "MFR",
            187 => "BLUETOOTH_HCI_H4",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4_WITHFCS",
            201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
            204 => "PPP_WITH_DIR",
            205 => "C_HDLC_WITH_DIR",
            209 => "IPMB_LINUX",
            215 => "IEEE802_15_4_NONASK_PHY",
            220 => "USB_LINUX_MMAPPED",
            224 => "FC_2",
            225 => "FC_2_WITH_FRAME_DELIMS",
            226 => "IPNET",
            227 => "CAN_SOCKETCAN",
            228 => "IPV4",
            229 => "IPV6",
            230 => "IEEE802_15_4_NOFCS",
            231 => "DBUS",
            239 => "NFLOG",
            240 => "NETANALYZER",
            241 => "NETANALYZER_TRANSPARENT",
            242 => "IPOIB",
            245 => "NFC_LLCP",
            247 => "INFINIBAND",
            248 => "SCTP",
            249 => "USBPCAP",
            251 => "BLUETOOTH_LE_LL",
            252 => "WIRESHARK_UPPER_PDU",
            253 => "NETLINK",
            254 => "BLUETOOTH_LINUX_MONITOR",
            256 => "BLUETOOTH_LE_LL_WITH_PHDR",
            258 => "PKTAP",
            259 => "EPON",
            266 => "USB_DARWIN",
            271 => "VSOCK",
            272 => "NORDIC_BLE",
            274 => "ETHERNET_MPACKET",
            276 => "LINUX_SLL2",
            281 => "DSA_TAG_BRCM",
            282 => "DSA_TAG_BRCM_PREPEND",
            283 => "IEEE802_15_4_TAP",
            284 => "DSA_TAG_DSA",
            285 => "DSA_TAG_EDSA",
            289 => "ETW",
            12 | 14 | 101 => "RAW",
            132 => "JUNIPER_ES",
            137 => "JUNIPER_ATM1",
            164 => "JUNIPER_MONITOR",
            178 => "JUNIPER_ETHER",
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
    /// Put together from fragments that contradicted each other.
    pub const FLAG_OVERLAP: u8 = 1 << 1;
    /// A fragment that was put together with others: counted, and read with the last of them.
    pub const FLAG_HELD: u8 = 1 << 2;
    /// Somebody asks what becomes of it.
    pub const FLAG_TRACED: u8 = 1 << 3;
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
