//! Violations, one line each. [`INJECTIONS`] is the one list: a rule or protocol that is new adds the lines that break it, and every one
//! is then tried in every base, at the start, in the middle and at the end, in both families, in every wrapper and file format.

mod beside;
mod coverage;
mod destination;
mod direction;
mod dns;
mod encryption;
mod policy;
mod quic;
mod upgrade;

use wirewitness::judge::Verdict::{self, Fail, Inconclusive};

use super::scene::{ANY, Expected, Scene};
use crate::world::tcp::Who::{Opener, Other};

/// A way to break rules.
pub struct Injection {
    pub name: &'static str,
    /// What must come of it, unless the scene says otherwise.
    pub expected: Expected,
    /// One packet does it, whose loss leaves no trace.
    pub is_lone: bool,
    /// Does it; `None` where the base has no place for it.
    pub inject: fn(&mut Scene<'_>) -> Option<()>,
}

const fn line(name: &'static str, verdict: Verdict, rules: &'static [&'static str], inject: fn(&mut Scene<'_>) -> Option<()>) -> Injection {
    Injection { name, expected: Expected { verdict, rules, also: &[] }, is_lone: false, inject }
}

impl Injection {
    /// One packet does it, whose loss leaves no trace.
    const fn lone(mut self) -> Self {
        self.is_lone = true;
        self
    }

    /// Other rules may speak too.
    const fn and(mut self, also: &'static [&'static str]) -> Self {
        self.expected.also = also;
        self
    }
}

/// Rules that no injection breaks, and why.
pub const EXCEPTED: &[(&str, &str)] = &[];

pub const INJECTIONS: &[Injection] = &[
    // direction
    line("a peer opens TLS and is answered", Fail, &["WW101"], direction::accepted_tls),
    line("a peer opens a connection and nothing is said", Fail, &["WW101"], direction::accepted_silent),
    line("a peer speaks in the clear to a listener", Fail, &["WW101", "WW201"], direction::accepted_plain),
    line("a peer's SYN was not captured, the SYN-ACK was", Fail, &["WW101"], direction::accepted_without_syn).and(ANY),
    line("a neighbour opens a connection", Fail, &["WW101"], direction::accepted_neighbour),
    line("a peer opens the ports of a flow that has ended", Fail, &["WW101"], direction::accepted_reused).and(&["WW206"]),
    line("a SYN is refused", Fail, &["WW102"], direction::refused),
    line("a SYN is ignored", Fail, &["WW102"], direction::ignored),
    line("a SYN that carries data is refused", Fail, &["WW102"], direction::refused_with_data).and(ANY),
    line("a SYN from the ports of an open connection", Fail, &["WW102"], direction::syn_on_open_ports).and(ANY).lone(),
    line("a SYN crosses the agent's own", Fail, &["WW102"], direction::crossed).and(ANY),
    line("a datagram comes in", Fail, &["WW102"], direction::datagram).and(&["WW202"]),
    line("a datagram comes in and is answered", Fail, &["WW101"], direction::datagram_answered).and(&["WW202"]),
    line("a question comes in", Fail, &["WW102", "WW201"], direction::question),
    line("a question comes in and is answered", Fail, &["WW101", "WW201"], direction::question_answered),
    line("a request for the time comes in", Fail, &["WW102"], direction::time).and(&["WW201"]),
    line("a ping is answered", Fail, &["WW101"], direction::ping_answered),
    line("a ping is ignored", Fail, &["WW102"], direction::ping_ignored),
    line("another protocol comes in", Fail, &["WW102"], direction::other_protocol).and(&["WW202"]),
    line("a connection whose opener is not seen", Inconclusive, &["WW103", "WW905"], direction::unknown).and(ANY),
    line("an error about a flow that is not seen", Inconclusive, &["WW103"], direction::quoted).and(&["WW305"]),
    line("a peer's SYN behind its answer to the agent's", Fail, &["WW101"], direction::syn_after_answer).and(ANY),
    line("the agent answers a SYN on ports that it has dialled from", Fail, &["WW101"], direction::syn_ack_after_syn).and(ANY),
    // encryption
    line("HTTP", Fail, &["WW201"], encryption::http),
    line("HTTP in segments of a byte", Fail, &["WW201"], encryption::http_in_bytes),
    line("HTTP in segments out of order", Fail, &["WW201"], encryption::http_out_of_order),
    line("HTTP/2 with prior knowledge", Fail, &["WW201"], encryption::http2),
    line("SMTP", Fail, &["WW201"], encryption::smtp),
    line("IMAP", Fail, &["WW201"], encryption::imap),
    line("POP3", Fail, &["WW201"], encryption::pop3),
    line("FTP", Fail, &["WW201"], encryption::ftp),
    line("Telnet", Fail, &["WW201"], encryption::telnet),
    line("LDAP", Fail, &["WW201"], encryption::ldap),
    line("Redis", Fail, &["WW201"], |scene| scene.plain(&[(Opener, b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"), (Other, b"+OK\r\n")])),
    line("MQTT", Fail, &["WW201"], |scene| {
        scene.plain(&[(Opener, b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04self"), (Other, b"\x20\x02\0\0")])
    }),
    line("AMQP", Fail, &["WW201"], |scene| scene.plain(&[(Opener, b"AMQP\0\0\x09\x01")])),
    line("MongoDB", Fail, &["WW201"], |scene| {
        scene.plain(&[(Opener, b"\x2a\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x15\0\0\0\x10ping\0\x01\0\0\0\x02$db\0")])
    }),
    line("Kafka", Fail, &["WW201"], |scene| {
        scene.plain(&[(Opener, b"\0\0\0\x13\0\x12\0\x03\0\0\0\x07\0\x07adminXX\0\0\0"), (Other, b"\0\0\0\x08\0\0\0\x07\0\0\0\0")])
    }),
    line("Memcached", Fail, &["WW201"], |scene| scene.plain(&[(Opener, b"get session\r\n"), (Other, b"END\r\n")])),
    line("RTSP", Fail, &["WW201"], |scene| scene.plain(&[(Opener, b"DESCRIBE rtsp://camera.example/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")])),
    line("SIP", Fail, &["WW201"], |scene| scene.plain(&[(Opener, b"REGISTER sip:phone.example SIP/2.0\r\n\r\n")])),
    line("rsync", Fail, &["WW201"], |scene| scene.plain(&[(Other, b"@RSYNCD: 31.0\n"), (Opener, b"@RSYNCD: 31.0\n")])),
    line("Zabbix", Fail, &["WW201"], |scene| scene.plain(&[(Opener, b"ZBXD\x01\x02\0\0\0\0\0\0\0{}")])),
    line("SMB that is not encrypted", Fail, &["WW201"], |scene| {
        let message = |command: u8| [&[0, 0, 0, 64, 0xfe][..], b"SMB\x40\0\0\0\0\0\0\0", &[command], &[0; 51]].concat();
        scene.plain(&[(Opener, &message(0)), (Other, &message(0)), (Opener, &message(1)), (Other, &message(1)), (Opener, &message(3))])
    }),
    line("syslog over TCP", Fail, &["WW201"], encryption::syslog_tcp),
    line("syslog over UDP", Fail, &["WW201"], encryption::syslog_udp).and(&["WW103"]),
    line("readable text of no protocol", Fail, &["WW201"], encryption::text),
    line("readable text from the responder alone", Fail, &["WW201"], encryption::text_from_responder),
    line("text before a TLS hello", Fail, &["WW201"], encryption::text_before_tls).and(ANY),
    line("text after a handshake, from the agent", Fail, &["WW201"], encryption::text_after_tls),
    line("text after a handshake, from the responder", Fail, &["WW201"], encryption::text_after_tls_responder),
    line("text after a handshake of TLS 1.2", Fail, &["WW201"], encryption::text_after_tls12),
    line("text after a handshake, in segments of a byte", Fail, &["WW201"], encryption::text_after_tls_in_bytes),
    line("text after close_notify", Fail, &["WW201"], encryption::text_after_close),
    line("text after minutes of heartbeats", Fail, &["WW201"], encryption::text_in_long_lived),
    line("text within a flow of the base", Fail, &["WW201"], encryption::text_in_own_flow).and(ANY),
    line("text at the end of a flow of the base", Fail, &["WW201"], encryption::text_at_end_of_own_flow).and(ANY),
    line("text that follows a reset", Fail, &["WW201"], encryption::text_after_reset),
    line("credentials for a proxy", Fail, &["WW201"], encryption::proxy_credentials),
    line("text between agents", Fail, &["WW201"], encryption::text_between_agents),
    line("bytes of no protocol", Inconclusive, &["WW202"], encryption::noise),
    line("a few bytes of no protocol", Inconclusive, &["WW202"], encryption::few_bytes),
    line("bytes of no protocol within a flow of the base", Inconclusive, &["WW202"], encryption::noise_in_own_flow).and(ANY),
    line("bytes of no protocol after a handshake", Inconclusive, &["WW202"], encryption::noise_after_tls).and(ANY),
    line("datagrams of no protocol", Inconclusive, &["WW202"], encryption::noise_in_datagrams).and(&["WW103"]),
    line("a ping that carries data", Inconclusive, &["WW202"], encryption::echo_channel),
    line("a reply to a ping that carries data", Inconclusive, &["WW202"], encryption::reply_channel),
    line("TLS 1.1", Fail, &["WW203"], encryption::tls11),
    line("TLS 1.0", Fail, &["WW203"], encryption::tls10),
    line("TLS 1.0 in small records", Fail, &["WW203"], encryption::tls10_in_records),
    line("TLS 1.0 in segments of a few bytes", Fail, &["WW203"], encryption::tls10_in_segments),
    line("TLS 1.0, resumed", Fail, &["WW203"], encryption::tls10_resumed),
    line("SSL 3.0", Fail, &["WW203"], encryption::ssl3),
    line("a suite without encryption", Fail, &["WW204"], encryption::null_suite).and(&["WW202"]),
    line("a suite of TLS 1.3 without encryption", Fail, &["WW204"], encryption::integrity_only).and(&["WW202"]),
    line("a suite without authentication", Fail, &["WW204"], encryption::anonymous),
    line("an export suite", Fail, &["WW204"], encryption::export),
    line("RC4", Fail, &["WW204"], encryption::rc4),
    line("3DES", Fail, &["WW204"], encryption::des3),
    line("a hello without an answer", Inconclusive, &["WW206"], encryption::hello_alone),
    line("two hellos and no more", Inconclusive, &["WW206"], encryption::hellos_alone),
    line("data before the handshake has finished", Inconclusive, &["WW206"], encryption::unfinished_with_data),
    // upgrades within a flow, and proxies
    line("STARTTLS is refused and mail follows", Fail, &["WW201", "WW205"], upgrade::refused),
    line("STARTTLS is offered and never asked for", Fail, &["WW201", "WW205"], upgrade::never_asked),
    line("STARTTLS is stripped", Fail, &["WW201"], upgrade::stripped),
    line("a command behind STARTTLS", Fail, &["WW201"], upgrade::injected_behind_command),
    line("a reply behind the answer to STARTTLS", Fail, &["WW201"], upgrade::injected_behind_answer),
    line("mail in the clear after STARTTLS was granted", Fail, &["WW201"], upgrade::text_after_agreement),
    line("credentials before STARTTLS", Fail, &["WW201"], upgrade::credentials_before),
    line("a foreign name behind STARTTLS", Fail, &["WW302"], upgrade::foreign_name),
    line("TLS 1.0 behind STARTTLS", Fail, &["WW203"], upgrade::old_tls),
    line("a greeting and nothing that shows what follows", Inconclusive, &["WW206"], upgrade::greeting_alone),
    line("PostgreSQL refuses TLS", Fail, &["WW201", "WW205"], upgrade::postgresql_refused),
    line("MySQL offers TLS in vain", Fail, &["WW201", "WW205"], upgrade::mysql_in_the_clear),
    line("RDP without TLS", Fail, &["WW201", "WW205"], upgrade::rdp_in_the_clear),
    line("a foreign name asked of SOCKS 5", Fail, &["WW302"], upgrade::foreign_of_socks),
    line("a foreign name asked of SOCKS 4a", Fail, &["WW302"], upgrade::foreign_of_socks_4),
    line("a foreign address asked of SOCKS 5", Fail, &["WW302"], upgrade::foreign_address_of_socks),
    line("a foreign name inside an allowed one of SOCKS", Fail, &["WW302"], upgrade::foreign_inside_socks),
    line("another name inside the one asked of SOCKS", Fail, &["WW302"], upgrade::another_inside_socks),
    line("an allowed name on another port of SOCKS", Fail, &["WW303"], upgrade::port_of_socks),
    line("credentials for SOCKS", Fail, &["WW201"], upgrade::socks_credentials),
    line("text inside SOCKS", Fail, &["WW201"], upgrade::text_in_socks),
    line("text behind the header of a proxy", Fail, &["WW201"], upgrade::text_behind_proxy_header),
    line("a foreign name behind the header of a proxy", Fail, &["WW302"], upgrade::foreign_behind_proxy_header),
    line("text on a SYN", Fail, &["WW201"], encryption::text_on_syn).and(ANY).lone(),
    line("text after both FIN", Inconclusive, &["WW906"], encryption::text_after_fin).and(ANY),
    line("text in the place of a FIN", Fail, &["WW201"], encryption::text_in_place_of_fin).and(ANY),
    line("text in a reset", Fail, &["WW201"], encryption::text_in_reset).and(ANY),
    line("text on ports that were closed", Fail, &["WW201"], encryption::text_on_old_ports).and(ANY),
    line("text in records after a handshake", Fail, &["WW201"], encryption::text_in_records),
    line("text in records after a handshake of TLS 1.2", Fail, &["WW201"], encryption::text_in_records12),
    line("records too short to be sealed", Inconclusive, &["WW202"], encryption::short_records).and(ANY),
    line("records too short to be sealed, in TLS 1.2", Inconclusive, &["WW202"], encryption::short_records12).and(ANY),
    line("text in the place of a record's bytes", Inconclusive, &["WW906"], encryption::text_again).and(ANY).lone(),
    line("text in a certificate without end", Inconclusive, &["WW908"], encryption::text_in_certificate).and(ANY),
    line("a suite that nobody knows", Inconclusive, &["WW202"], encryption::unknown_suite),
    line("a suite of TLS 1.3 that nobody knows", Inconclusive, &["WW202"], encryption::unknown_suite13),
    line("SSH without a cipher", Inconclusive, &["WW202"], encryption::ssh_without_cipher),
    line("text ahead of a version of SSH", Fail, &["WW201"], encryption::ssh_behind_text),
    line("a request for a foreign host behind another", Fail, &["WW201"], encryption::second_request),
    line("bytes of no protocol behind a request", Inconclusive, &["WW202"], encryption::noise_behind_request),
    line("text behind a request", Fail, &["WW201"], encryption::text_behind_request),
    line("text behind a request for the time", Inconclusive, &["WW202"], encryption::text_behind_time).and(ANY),
    line("text after the time, in one flow", Fail, &["WW201"], encryption::text_after_time).and(ANY),
    line("three bytes after a handshake", Inconclusive, &["WW202"], encryption::few_bytes_after_tls),
    line("a record of another type after a handshake", Inconclusive, &["WW202"], encryption::odd_record),
    line("data in place of a handshake, and a FIN", Inconclusive, &["WW206"], encryption::unfinished_and_closed),
    // beside what is usually looked at
    line("the agent's error about others' packets", Fail, &["WW301"], beside::error_about_others).and(&["WW202"]),
    line("the agent's error to a stranger about its own flow", Fail, &["WW301"], beside::error_to_a_stranger).and(&["WW202"]),
    line("a stranger's error about another's packet", Fail, &["WW102"], beside::error_from_a_stranger).and(&["WW202"]),
    line("a message of ICMP that nobody knows", Inconclusive, &["WW202"], beside::odd_message),
    line("a heartbeat of SCTP that carries text", Inconclusive, &["WW202"], beside::heartbeat),
    line("data in group membership, to a host", Fail, &["WW301"], beside::membership).and(&["WW202"]),
    line("data in neighbour discovery, to a host", Fail, &["WW301"], beside::discovery).and(&["WW202"]),
    line("data in what begins as DHCPv6 does", Fail, &["WW301"], beside::leases).and(&["WW202"]),
    line("a packet that goes on elsewhere", Inconclusive, &["WW903"], beside::source_route).and(ANY),
    line("text in the padding of a header", Inconclusive, &["WW903"], beside::padding).and(ANY),
    line("text in a mobility header", Fail, &["WW202", "WW303"], beside::mobility),
    // destination
    line("a foreign address that is asked for no name", Fail, &["WW301"], destination::address),
    line("a foreign name at a foreign address", Fail, &["WW302"], destination::name),
    line("a foreign name at an address that is allowed", Fail, &["WW302"], destination::name_at_allowed),
    line("a foreign name in a hello of many segments", Fail, &["WW302"], destination::name_in_segments),
    line("a foreign name in a hello of many records", Fail, &["WW302"], destination::name_in_records),
    line("a foreign name in a hello of TLS 1.2", Fail, &["WW302"], destination::name_in_tls12),
    line("a foreign name in a hello of two packets", Fail, &["WW302"], destination::name_in_big_hello),
    line("a foreign name in a resumed session", Fail, &["WW302"], destination::name_resumed),
    line("a foreign name in the second hello", Fail, &["WW302"], destination::name_in_second_hello),
    line("a foreign name over minutes", Fail, &["WW302"], destination::name_long_lived),
    line("a foreign name asked of a proxy", Fail, &["WW302"], destination::name_of_proxy),
    line("a foreign name inside an allowed one at a proxy", Fail, &["WW302"], destination::name_inside_proxy),
    line("an allowed name on another port", Fail, &["WW303"], destination::port),
    line("an allowed name that was answered for another", Fail, &["WW304", "WW402"], destination::answered_for_another),
    line("an allowed name at an address never answered", Inconclusive, &["WW304"], destination::never_answered),
    line("an encrypted hello", Inconclusive, &["WW305"], destination::encrypted_hello),
    line("a dial to a foreign address", Inconclusive, &["WW305"], destination::dial),
    line("a foreign address is pinged", Inconclusive, &["WW305"], destination::ping).and(&["WW301"]),
    line("HTTP to a foreign address", Fail, &["WW201"], destination::http).and(&["WW301", "WW302"]),
    // QUIC
    line("a peer opens QUIC and is answered", Fail, &["WW101"], quic::accepted),
    line("a peer's hello of QUIC is ignored", Fail, &["WW102"], quic::ignored).and(&["WW206"]),
    line("text within QUIC, from the agent", Fail, &["WW201"], quic::text),
    line("text within QUIC, from the responder", Fail, &["WW201"], quic::text_from_responder),
    line("text behind an Initial", Fail, &["WW201"], quic::text_behind_initial),
    line("text in the place of a packet's content", Fail, &["WW201"], quic::text_behind_header),
    line("bytes of no protocol within QUIC", Inconclusive, &["WW202"], quic::noise),
    line("a datagram of QUIC of another connection", Inconclusive, &["WW202"], quic::stray),
    line("QUIC of Google", Inconclusive, &["WW202"], quic::google).and(&["WW103"]),
    line("a version of QUIC that is refused and no more", Inconclusive, &["WW202"], quic::refused).and(ANY),
    line("a hello of QUIC without an answer", Inconclusive, &["WW206"], quic::hello_alone),
    line("a handshake of QUIC that never finishes", Inconclusive, &["WW206"], quic::unfinished),
    line("QUIC whose first Initial is not seen", Inconclusive, &["WW202"], quic::without_first).and(ANY),
    line("QUIC of which nothing but data is seen", Inconclusive, &["WW202"], quic::began_before).and(ANY),
    line("two hellos of QUIC in one place", Inconclusive, &["WW906"], quic::contradiction),
    line("a foreign address over QUIC that is asked for no name", Fail, &["WW301"], quic::address),
    line("a foreign name over QUIC", Fail, &["WW302"], quic::name),
    line("a foreign name in version 2 of QUIC", Fail, &["WW302"], quic::name_in_v2),
    line("a foreign name after a Retry", Fail, &["WW302"], quic::name_after_retry),
    line("a foreign name behind an allowed one's Initial", Fail, &["WW302"], quic::name_in_second_attempt),
    line("a foreign name in a hello of pieces, the last first", Fail, &["WW302"], quic::name_in_pieces),
    line("a foreign name in a hello of two Initials", Fail, &["WW302"], quic::name_in_big_hello),
    line("an allowed name over QUIC on another port", Fail, &["WW303"], quic::port),
    // beside what the policy permits
    line("another port than is permitted to come in", Fail, &["WW101"], policy::inbound_port),
    line("another protocol than is permitted to come in", Fail, &["WW101"], policy::inbound_protocol),
    line("another host than is permitted to come in", Fail, &["WW101"], policy::inbound_source),
    line("another message than is permitted to come in", Fail, &["WW102"], policy::inbound_message),
    line("a permitted request on another port", Fail, &["WW201"], policy::plaintext_port),
    line("a permitted request to another name", Fail, &["WW201", "WW303"], policy::plaintext_name),
    line("a foreign name on the resolver's port", Fail, &["WW302"], policy::resolver_port),
    line("a foreign proxy", Fail, &["WW301"], policy::foreign_proxy),
    line("another port asked of a proxy", Fail, &["WW303"], policy::proxied_port),
    line("a name at another address than it is allowed at", Fail, &["WW302"], policy::name_at_another_address),
    line("an address that is allowed under a name alone", Fail, &["WW301"], policy::address_of_another_name),
    line("a foreign name in a second extension", Inconclusive, &["WW305"], policy::two_extensions),
    line("a foreign name behind an allowed one", Inconclusive, &["WW305"], policy::two_names),
    line("a suite that is not listed", Fail, &["WW204"], policy::unlisted_suite),
    line("a waiver of another rule", Fail, &["WW203"], policy::waiver_of_another_rule),
    line("a waiver of another name", Fail, &["WW203"], policy::waiver_of_another_name),
    line("a waiver of another address", Fail, &["WW203"], policy::waiver_of_another_address),
    line("a waiver of the outer name", Fail, &["WW302"], policy::waiver_of_outer_name),
    line("an allowed port over another transport", Fail, &["WW303"], policy::another_transport),
    line("a name that ends like an allowed one", Fail, &["WW302"], policy::name_like_another),
    line("a resolver of the same network", Fail, &["WW401"], policy::private_resolver),
    // DNS
    line("another resolver", Fail, &["WW401"], dns::resolver),
    line("another resolver on another port", Fail, &["WW401"], dns::resolver_on_another_port),
    line("another resolver over TCP", Fail, &["WW401"], dns::resolver_over_tcp),
    line("a foreign name is asked for", Fail, &["WW402"], dns::query),
    line("a foreign name is asked for with no answer", Fail, &["WW402"], dns::query_unanswered),
    line("a foreign name is asked for over TCP", Fail, &["WW402"], dns::query_over_tcp),
    line("a foreign name behind allowed ones over TCP", Fail, &["WW402"], dns::query_behind_others),
    line("text is asked of a foreign zone", Fail, &["WW402"], dns::query_for_text),
    line("data in labels", Fail, &["WW402"], dns::query_of_labels),
    line("an answer that nobody asked for is used", Inconclusive, &["WW304"], dns::unasked_answer),
    line("text on the resolver's port", Fail, &["WW201"], dns::text_to_resolver).and(ANY),
    line("text after an answer, in one flow", Fail, &["WW201"], dns::text_after_answer).and(ANY),
    line("the agent answers its resolver", Inconclusive, &["WW202"], dns::answers_of_agent).and(ANY),
    line("the agent answers a question of its resolver", Inconclusive, &["WW202", "WW304"], dns::answered_by_agent).and(ANY),
    line("another host's answer is used", Inconclusive, &["WW304"], dns::answer_of_others),
    line("an answer that comes long after its use", Inconclusive, &["WW304"], dns::answered_later),
    // coverage
    line("the capture says that packets were lost", Inconclusive, &["WW901"], coverage::dropped),
    line("a packet says that others were lost before it", Inconclusive, &["WW901"], coverage::dropped_before),
    line("a hello is cut", Inconclusive, &["WW902"], coverage::cut_hello).and(ANY),
    line("a header is cut", Inconclusive, &["WW902"], coverage::cut_header),
    line("an EtherType that nobody knows", Inconclusive, &["WW903"], coverage::ethertype),
    line("a header that contradicts itself", Inconclusive, &["WW903"], coverage::bad_header),
    line("a fragment without the others", Inconclusive, &["WW903"], coverage::fragment).and(ANY),
    line("a fragment of a length that none has", Inconclusive, &["WW903"], coverage::uneven_fragment).and(ANY),
    line("only the agent's side", Inconclusive, &["WW904"], coverage::one_sided).and(ANY),
    line("only the responder's side", Inconclusive, &["WW904"], coverage::other_side).and(ANY),
    line("a session whose start is not seen", Inconclusive, &["WW905"], coverage::began_before).and(ANY),
    line("a hole in a handshake", Inconclusive, &["WW906"], coverage::hole).and(ANY),
    line("a hole at the end", Inconclusive, &["WW906"], coverage::hole_at_end).and(ANY),
    line("two hellos in one place", Inconclusive, &["WW906"], coverage::contradiction).and(ANY),
    line("a damaged hello, and one in its place", Inconclusive, &["WW906"], coverage::contradiction_damaged).and(ANY),
    line("two hellos in one place, ahead of their start", Inconclusive, &["WW906"], coverage::contradiction_ahead).and(ANY),
    line("the file is cut off", Inconclusive, &["WW907"], coverage::cut_file),
    line("a hello beyond what is read", Inconclusive, &["WW908"], coverage::endless_hello).and(ANY),
    line("another host is the agent", Inconclusive, &["WW909"], coverage::nobody),
    line("a capture filter is recorded", Inconclusive, &["WW910"], coverage::filtered),
    line("a waiver has ended", Fail, &["WW203", "WW911"], coverage::waiver),
    line("more flows are required than there are", Inconclusive, &["WW913"], coverage::few_flows),
    line("a longer time is required", Inconclusive, &["WW913"], coverage::short_time),
    line("a name is expected that nobody asks for", Inconclusive, &["WW913"], coverage::nobody_asks),
    line("a policy without destinations", Inconclusive, &["WW912"], coverage::no_destinations).and(ANY),
];
