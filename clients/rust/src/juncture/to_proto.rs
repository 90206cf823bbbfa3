use std::collections::{BTreeMap, HashMap};

use juncture_core::checkpoint::{
    Checkpoint as JunctureCheckpoint, CheckpointError, CheckpointMetadata, CheckpointPendingTask, CheckpointSource,
    PendingWrite as JunctureWrite, SerializedSend,
};
use juncture_core::interrupt::InterruptSignal as JunctureInterrupt;
use serde_json::Value as Json;

use crate::proto::value::Source;
use crate::proto::version::Number;
use crate::proto::{
    Checkpoint, DeltaCounters, InterruptSignal, Origin, PendingTask, PendingWrite, Send, TypedValue, Value,
    ValuesLayout, Version, VersionMap, VersionsSeen,
};

/// Where a checkpoint belongs.
pub(super) struct Place {
    pub(super) thread_id: String,
    pub(super) namespace: String,
    pub(super) parent_id: Option<String>,
}

/// The same as the server's own import of juncture's JSON makes of it: each member of the values by itself, so that what a
/// step did not change is stored once.
pub(super) fn to_proto(
    place: Place,
    given: JunctureCheckpoint,
    metadata: &CheckpointMetadata,
) -> Result<Checkpoint, CheckpointError> {
    let (values_layout, channel_values) = match given.channel_values {
        Json::Object(members) => (ValuesLayout::JsonObject, members.into_iter().collect::<Vec<_>>()),
        whole => (ValuesLayout::Whole, vec![(String::new(), whole)]),
    };
    let channel_values = channel_values
        .iter()
        .map(|(name, value)| Ok((name.clone(), to_value(value)?)))
        .collect::<Result<_, Error>>()?;
    let seen = given.versions_seen.into_iter().map(|(node, versions)| (node, to_versions(versions)));
    let (source, source_node) = to_source(&metadata.source);
    Ok(Checkpoint {
        id: given.id,
        thread_id: place.thread_id,
        namespace: place.namespace,
        parent_id: place.parent_id,
        parents: metadata.parents.clone().into_iter().collect(),
        step: Some(metadata.step),
        source: Some(source.to_owned()),
        source_node,
        created_at: Some(given.created_at),
        run_id: Some(metadata.run_id.clone()),
        format_version: Some(given.v),
        schema_version: Some(given.schema_version),
        origin: Origin::Juncture.into(),
        values_layout: values_layout.into(),
        channel_values,
        channel_versions: Some(to_versions(given.channel_versions)),
        versions_seen: Some(VersionsSeen { nodes: seen.collect(), ..VersionsSeen::default() }),
        new_versions: Some(to_versions(given.new_versions)),
        pending_tasks: given.pending_tasks.into_iter().map(to_task).collect::<Result<_, _>>()?,
        pending_sends: given.pending_sends.into_iter().map(to_send).collect::<Result<_, _>>()?,
        pending_interrupts: given.pending_interrupts.into_iter().map(to_interrupt).collect::<Result<_, _>>()?,
        delta_counters: to_counters(given.counters_since_delta_snapshot),
        metadata: Some(serde_json::to_vec(metadata)?),
        ..Checkpoint::default()
    })
}

type Error = CheckpointError;

/// Each has its place among those that are put together.
pub(super) fn to_writes(task_id: &str, writes: Vec<JunctureWrite>) -> Result<Vec<PendingWrite>, Error> {
    let placed = (0..).zip(writes);
    let to_write = |(idx, JunctureWrite { channel, value, .. }): (i32, JunctureWrite)| {
        let value = Some(to_value(&value)?);
        Ok(PendingWrite { task_id: task_id.to_owned(), idx, channel, value, ..PendingWrite::default() })
    };
    placed.map(to_write).collect()
}

fn to_value(value: &Json) -> Result<Value, Error> {
    let value = TypedValue { r#type: "json".to_owned(), data: serde_json::to_vec(value)? };
    Ok(Value { source: Some(Source::Inline(value)) })
}

fn to_versions(versions: HashMap<String, u64>) -> VersionMap {
    let to_version = |(name, number)| (name, Version { number: Some(Number::Uint64Value(number)) });
    VersionMap { versions: versions.into_iter().map(to_version).collect(), ..VersionMap::default() }
}

fn to_source(source: &CheckpointSource) -> (&'static str, Option<String>) {
    match source {
        CheckpointSource::Input => ("input", None),
        CheckpointSource::Update => ("update", None),
        CheckpointSource::Fork => ("fork", None),
        CheckpointSource::Interrupt { node } => ("interrupt", Some(node.clone())),
        // What a newer juncture adds is in the metadata, whole.
        _ => ("loop", None),
    }
}

fn to_task(task: CheckpointPendingTask) -> Result<PendingTask, Error> {
    let CheckpointPendingTask { id, node, triggers, state_override } = task;
    let state_override = state_override.as_ref().map(to_value).transpose()?;
    Ok(PendingTask { id, node, triggers, state_override })
}

fn to_send(SerializedSend { node, state }: SerializedSend) -> Result<Send, Error> {
    Ok(Send { node, value: Some(to_value(&state)?), ..Send::default() })
}

fn to_interrupt(signal: JunctureInterrupt) -> Result<InterruptSignal, Error> {
    // Its own text of the time, to the nanosecond.
    let created_at = serde_json::to_value(signal.timestamp)?.as_str().map(ToOwned::to_owned);
    Ok(InterruptSignal {
        id: signal.id,
        index: Some(signal.index as u64),
        value: Some(to_value(&signal.payload)?),
        created_at,
        ..InterruptSignal::default()
    })
}

fn to_counters(counters: HashMap<String, juncture_core::checkpoint::DeltaCounters>) -> BTreeMap<String, DeltaCounters> {
    let to_counter = |counter: juncture_core::checkpoint::DeltaCounters| DeltaCounters {
        updates: counter.updates,
        supersteps: counter.supersteps,
    };
    counters.into_iter().map(|(name, counter)| (name, to_counter(counter))).collect()
}
