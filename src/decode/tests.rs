//! The walk held against literal packets, and against etherparse on well-formed and mutated ones.

use etherparse::{LaxNetSlice, LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::fact::LinkType;

fn tcp_v4(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 0, 4], [192, 0, 2, 1], 64).tcp(50_000, 443, 7, 1000).syn();
    let mut out = Vec::new();
    builder.write(&mut out, payload).unwrap();
    out
}

fn read(link: LinkType, bytes: &[u8]) -> Result<Packet<'_>, Skip<'_>> {
    packet(link, bytes, bytes.len() as u32)
}

#[test]
fn an_ethernet_tcp_packet_is_read() {
    let bytes = tcp_v4(b"hello");
    let packet = read(LinkType::ETHERNET, &bytes).unwrap();
    assert_eq!(packet.source.to_string(), "10.0.0.4:50000");
    assert_eq!(packet.destination.to_string(), "192.0.2.1:443");
    assert_eq!(packet.header, Header::Tcp(Tcp { seq: 7, ack: 0, flags: Tcp::SYN }));
    assert_eq!((packet.payload, packet.missing), (&b"hello"[..], 0));
    assert_eq!(packet.macs.unwrap().source, Some([2; 6]));
}

#[test]
fn padding_is_no_payload_and_a_cut_is_counted() {
    let mut bytes = tcp_v4(b"");
    bytes.resize(64, 0);
    assert_eq!(read(LinkType::ETHERNET, &bytes).unwrap().payload, b"");
    let bytes = tcp_v4(&[7; 100]);
    let cut = super::packet(LinkType::ETHERNET, &bytes[..74], bytes.len() as u32).unwrap();
    assert_eq!((cut.payload.len(), cut.missing), (20, 80));
    assert_eq!(super::packet(LinkType::ETHERNET, &bytes[..44], bytes.len() as u32).unwrap_err().reason, Reason::UndecodedTruncated);
}

#[test]
fn every_link_type_carries_the_same_packet() {
    let whole = tcp_v4(b"x");
    let ip = &whole[14..];
    let with = |head: &[u8]| [head, ip].concat();
    let mac = [2u8; 6];
    let sll = [&[0, 4, 0, 1, 0, 6][..], &mac, &[0, 0, 8, 0]].concat();
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6][..], &mac, &[0, 0]].concat();
    let cases = [
        (LinkType::ETHERNET, whole.clone()),
        (LinkType::ETHERNET, [&whole[..12], &[0x81, 0, 0, 5], &whole[12..]].concat()),
        (LinkType::ETHERNET, [&whole[..12], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6], &whole[12..]].concat()),
        (LinkType::LINUX_SLL, with(&sll)),
        (LinkType::LINUX_SLL2, with(&sll2)),
        (LinkType::RAW, ip.to_vec()),
        (LinkType::IPV4, ip.to_vec()),
        (LinkType::NULL, with(&[2, 0, 0, 0])),
        (LinkType::NULL, with(&[0, 0, 0, 2])),
        (LinkType::LOOP, with(&[0, 0, 0, 2])),
    ];
    for (link, bytes) in cases {
        let packet = read(link, &bytes).unwrap_or_else(|skip| panic!("{link:?}: {skip:?}"));
        assert_eq!((packet.source.port, packet.payload), (50_000, &b"x"[..]), "{link:?}");
        assert!(reads(link));
    }
    assert!(!reads(LinkType(147)));
}

#[test]
fn segmentation_offload_leaves_the_length_to_the_frame() {
    let mut bytes = tcp_v4(&[7; 3000]);
    bytes[16..18].copy_from_slice(&[0, 0]);
    assert_eq!(read(LinkType::ETHERNET, &bytes).unwrap().payload.len(), 3000);
}

#[test]
fn extension_headers_are_walked() {
    let mut out = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(5353, 9999).write(&mut out, b"data").unwrap();
    let udp = out.split_off(40);
    for extensions in [&[(0u8, 0u8)][..], &[(0, 0), (60, 1), (43, 2)], &[(60, 0), (0, 0), (140, 0)]] {
        let mut bytes = out.clone();
        bytes[6] = extensions[0].0;
        for (n, (_, units)) in extensions.iter().enumerate() {
            let next = extensions.get(n + 1).map_or(17, |(kind, _)| *kind);
            bytes.extend([next, *units]);
            bytes.extend(vec![0; 6 + usize::from(*units) * 8]);
        }
        bytes.extend(&udp);
        let length = (bytes.len() - 40) as u16;
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        let packet = read(LinkType::IPV6, &bytes).unwrap();
        assert_eq!((packet.destination.port, packet.payload), (9999, &b"data"[..]), "{extensions:?}");
    }
}

#[test]
fn what_has_further_to_go_is_not_opened() {
    // IPv4: a loose and a strict source route, with the next stop in them and at their end
    for (option, next, opened) in [(131, 4, false), (137, 4, false), (131, 8, true), (137, 8, true)] {
        let mut bytes = tcp_v4(b"hello")[14..].to_vec();
        bytes[0] = 0x47;
        bytes[3] += 8;
        bytes.splice(20..20, [option, 7, next, 192, 0, 2, 66, 0]);
        let read = read(LinkType::IPV4, &bytes);
        assert_eq!(read.is_ok(), opened, "{option} {next}");
        assert!(read.is_ok() || matches!(read, Err(Skip { reason: Reason::UndecodedTunnel, addresses: Some(_), .. })));
    }
    // IPv6: a routing header (RFC 8200 section 4.4), before the payload and before a fragment header
    let mut ip = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(5353, 9999).write(&mut ip, b"data").unwrap();
    let udp = ip.split_off(40);
    for (left, is_piece, reason) in [
        (0, false, None),
        (1, false, Some(Reason::UndecodedTunnel)),
        (0, true, Some(Reason::UndecodedFragment)),
        (1, true, Some(Reason::UndecodedTunnel)),
    ] {
        let routing = [&[if is_piece { 44 } else { 17 }, 2, 4, left, 0, 0, 0, 0][..], &[3; 16]].concat();
        let fragment: &[u8] = if is_piece { &[17, 0, 0, 1, 0, 0, 0, 7] } else { &[] };
        let mut bytes = [&ip, &routing, fragment, &udp].concat();
        bytes[6] = 43;
        let length = (bytes.len() - 40) as u16;
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        let skip = read(LinkType::IPV6, &bytes).err();
        assert_eq!(skip.as_ref().map(|skip| skip.reason), reason, "{left} {is_piece}");
        assert!(skip.is_none_or(|skip| skip.addresses.is_some()));
    }
}

#[test]
fn a_frame_larger_than_any_mtu_is_one_packet() {
    let bytes = tcp_v4(&[7; 60_000]);
    assert_eq!(read(LinkType::ETHERNET, &bytes).unwrap().payload.len(), 60_000);
}

#[test]
fn the_checksum_of_a_segment_covers_all_of_it() {
    let whole = tcp_v4(b"odd");
    assert_eq!(read(LinkType::ETHERNET, &whole).unwrap().checksum(), Some(true));
    for at in [26, 33, 34, 40, 50, 54, 56] {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        assert_eq!(read(LinkType::ETHERNET, &bytes).unwrap().checksum(), Some(false), "{at}");
    }
    assert_eq!(packet(LinkType::ETHERNET, &whole[..55], whole.len() as u32).unwrap().checksum(), None, "cut");
    let mut six = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 64).tcp(5, 443, 7, 1000).write(&mut six, &[9; 1401]).unwrap();
    assert_eq!(read(LinkType::IPV6, &six).unwrap().checksum(), Some(true));
}

#[test]
fn fragments_are_said_with_their_addresses() {
    let mut bytes = tcp_v4(b"hello");
    bytes[20] = 0x20;
    let skip = read(LinkType::ETHERNET, &bytes).unwrap_err();
    assert_eq!(skip.reason, Reason::UndecodedFragment);
    assert_eq!(skip.addresses.unwrap().1, IpAddr::from([192, 0, 2, 1]));
}

#[test]
fn tunnels_and_unknown_links_are_never_silent() {
    for (kind, reason) in [
        (0x8847u16, Reason::UndecodedTunnel),
        (0x8864, Reason::UndecodedHeader),
        (0x88e5, Reason::UndecodedEncrypted),
        (0x4321, Reason::UndecodedEthertype),
        // ARP that is none, and more than ARP has room for
        (0x0806, Reason::NoiseLink),
        (0x88cc, Reason::NoiseLink),
        (0x0026, Reason::UndecodedService),
    ] {
        let mut bytes = tcp_v4(b"");
        bytes[12..14].copy_from_slice(&kind.to_be_bytes());
        assert_eq!(read(LinkType::ETHERNET, &bytes).unwrap_err().reason, reason, "{kind:#06x}");
    }
    assert_eq!(read(LinkType(147), b"anything").unwrap_err().reason, Reason::UndecodedLink);
}

#[test]
fn an_icmp_error_stands_for_the_packet_it_quotes() {
    let quoted = tcp_v4(b"");
    let mut out = Vec::new();
    let message = [&[3u8, 1, 0, 0, 0, 0, 0, 0][..], &quoted[14..14 + 28]].concat();
    PacketBuilder::ipv4([203, 0, 113, 9], [10, 0, 0, 4], 64).write(&mut out, etherparse::IpNumber::ICMP, &message).unwrap();
    let packet = read(LinkType::IPV4, &out).unwrap();
    assert_eq!((packet.source.port, packet.destination.to_string()), (50_000, "192.0.2.1:443".to_owned()));
    assert!(matches!(packet.header, Header::Error(IcmpError { unreachable: true, .. })));
}

#[test]
fn noise_is_named() {
    let to = |address: [u8; 4], from_port: u16, to_port: u16, payload: &[u8]| {
        let mut out = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 4], address, 64).udp(from_port, to_port).write(&mut out, payload).unwrap();
        out
    };
    let reason = |bytes: &[u8]| read(LinkType::IPV4, bytes).map(|_| ()).unwrap_err().reason;
    assert_eq!(reason(&to([224, 0, 0, 251], 5353, 5353, b"mdns")), Reason::NoiseMulticast);
    assert_eq!(reason(&to([255, 255, 255, 255], 9, 9, b"x")), Reason::NoiseMulticast);
    let dhcp = [&[1, 1, 6][..], &[0; 233], &[0x63, 0x82, 0x53, 0x63]].concat();
    assert_eq!(reason(&to([10, 0, 0, 1], 68, 67, &dhcp)), Reason::NoiseDhcp);
    assert!(read(LinkType::IPV4, &to([192, 0, 2, 1], 68, 67, &dhcp)).is_ok(), "not with a public server");
    assert!(read(LinkType::IPV4, &to([10, 0, 0, 1], 68, 67, &dhcp[..200])).is_ok(), "not without its cookie");
    assert!(read(LinkType::IPV4, &to([10, 0, 0, 1], 5353, 5353, b"mdns")).is_ok(), "unicast to 5353 is not noise");
}

/// What etherparse makes of the same bytes: transport payload and ports.
fn reference(bytes: &[u8]) -> Option<(IpAddr, u16, IpAddr, u16, Vec<u8>)> {
    let sliced = LaxSlicedPacket::from_ethernet(bytes).ok()?;
    let (source, destination): (IpAddr, IpAddr) = match sliced.net? {
        LaxNetSlice::Ipv4(ip) if !ip.is_payload_fragmented() => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        LaxNetSlice::Ipv6(ip) if !ip.is_payload_fragmented() => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        _ => return None,
    };
    if sliced.stop_err.is_some() {
        return None;
    }
    match sliced.transport? {
        TransportSlice::Tcp(tcp) => Some((source, tcp.source_port(), destination, tcp.destination_port(), tcp.payload().to_vec())),
        TransportSlice::Udp(udp) => Some((source, udp.source_port(), destination, udp.destination_port(), udp.payload().to_vec())),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_are_too_odd(link in 0u16..300, bytes in proptest::collection::vec(any::<u8>(), 0..200), more in 0u32..100) {
        let wire = bytes.len() as u32 + more;
        let _ = super::packet(LinkType(link), &bytes, wire);
    }

    #[test]
    fn mutated_packets_are_read_as_etherparse_reads_them(
        v6 in any::<bool>(), udp in any::<bool>(), payload in proptest::collection::vec(any::<u8>(), 0..60),
        at in 14usize..80, value in any::<u8>(), mutate in any::<bool>(), cut in 0usize..100,
    ) {
        let mut bytes = Vec::new();
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ip = if v6 { ethernet.ipv6([3; 16], [5; 16], 9) } else { ethernet.ipv4([10, 0, 0, 4], [192, 0, 2, 1], 9) };
        if udp { ip.udp(1000, 2000).write(&mut bytes, &payload).unwrap() } else { ip.tcp(1000, 2000, 3, 4).write(&mut bytes, &payload).unwrap() }
        if mutate && at < bytes.len() { bytes[at] = value; }
        let bytes = &bytes[..bytes.len() - cut.min(bytes.len() / 2)];
        let ours = super::packet(LinkType::ETHERNET, bytes, bytes.len() as u32);
        prop_assert_eq!(&ours, &walk(LinkType::ETHERNET, bytes, 0), "the fast path reads what the walk reads");
        if let Some(glance) = super::glance(LinkType::ETHERNET, bytes, bytes.len() as u32) {
            let read = ours.as_ref().unwrap();
            let bits = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => (0, u64::from(ip.to_bits())),
                IpAddr::V6(ip) => ((ip.to_bits() >> 64) as u64, ip.to_bits() as u64),
            };
            prop_assert_eq!(glance.addresses, [bits(read.source.ip), bits(read.destination.ip)], "a glance sees what is read");
            prop_assert_eq!((glance.is_v4, glance.ports), (read.source.ip.is_ipv4(), (read.source.port, read.destination.port)));
            prop_assert_eq!((glance.is_tcp, glance.middle), (read.transport == Transport::Tcp, read.middle()));
        } else if let Ok(read) = &ours {
            prop_assert!(fast::read(bytes).is_none(), "what is read in one go is seen at a glance: {:?}", read);
        }
        if let (Ok(ours), Some(theirs)) = (ours, reference(bytes)) {
            prop_assert_eq!((ours.source.ip, ours.source.port, ours.destination.ip, ours.destination.port, ours.payload.to_vec()), theirs);
        }
    }
}
