//! What became of one packet, put together from what the front, its lane and the judge know of it.

use crate::decode::Reason;
use crate::fact::{FlowRecord, FrameIndex};
use crate::judge::ledger::{Kind, Ledger};
use crate::judge::{Cited, Explained, InputSummary, Judgement};
use crate::shard::{Traced, TracedPiece};

/// The explanation of `frame`; `None` where it was not taken in.
pub(super) fn explain(
    frame: FrameIndex,
    piece: Option<TracedPiece>,
    traced: Option<&Traced>,
    flow: Option<(FlowRecord, Judgement)>,
    cited: Vec<Cited>,
    inputs: &[InputSummary],
    ledger: &Ledger,
) -> Option<Explained> {
    let path_of = |input: u32| inputs.get(input as usize);
    let bucket = piece.map(|piece| piece.bucket).or(traced.map(|traced| traced.bucket))?;
    let joined = piece.and_then(|piece| piece.joined);
    let flow_input = flow.as_ref().and_then(|(record, _)| path_of(record.first.frame.input())).map(|input| input.path.clone());
    Some(Explained {
        input: path_of(frame.id.input())?.clone(),
        frame,
        bucket,
        why: why(bucket, flow.as_ref().map(|(record, _)| record), ledger),
        joined: joined.map(Into::into),
        tunnel: traced.map(|traced| traced.layers.clone()).unwrap_or_default(),
        sender: flow.as_ref().zip(traced.and_then(|traced| traced.sender)).map(|((record, _), end)| record.ends[end.index()]),
        flow_input: flow_input.unwrap_or_default(),
        flow,
        read: traced.map(|traced| traced.read.clone()).unwrap_or_default(),
        cited,
    })
}

fn why(bucket: &str, flow: Option<&FlowRecord>, ledger: &Ledger) -> String {
    let known = match bucket {
        "judged" => "it is of a flow in which an agent takes part",
        "unrelated" => "no agent takes part: none of its addresses is an agent's",
        "duplicate" => "it is a copy, made by the tap, of a packet of the same flow that was counted",
        "fragment_joined" => "it is a fragment, and was read with the packet that it is part of",
        "filtered_agent" => "the filter of this audit leaves it out, though it is an agent's or may be",
        "filtered_other" => "the filter of this audit leaves it out, and it is no agent's",
        _ => "",
    };
    let mut why = known.to_owned();
    if let Some(reason) = Reason::ALL.iter().find(|reason| reason.key() == bucket) {
        let undecoded = ledger.buckets.iter().find(|known| known.key == bucket).map(|known| &known.kind);
        let what = if let Some(Kind::Undecoded(what)) = undecoded { what } else { reason.what() };
        why = format!("it is one of the frames that {what}");
    }
    if flow.is_some_and(|record| record.evicted) {
        why.push_str("; memory limits forced the flow to be forgotten before it ended");
    }
    if flow.is_some_and(|record| record.facts.limit.is_some()) {
        why.push_str("; inspection of the flow stopped at a limit");
    }
    why
}
