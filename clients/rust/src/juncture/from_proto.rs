use std::collections::{BTreeMap, HashMap};

use juncture_core::RunnableConfig;
use juncture_core::checkpoint::{
    Checkpoint as JunctureCheckpoint, CheckpointError, CheckpointMetadata, CheckpointPendingTask, CheckpointSource,
    CheckpointTuple, DeltaCounters, PendingWrite as JunctureWrite, SerializedSend,
};
use juncture_core::interrupt::InterruptSignal as JunctureInterrupt;
use serde_json::{Value as Json, json};

use super::foreign::{self, to_number};
use crate::checkpoints::ReadCheckpoint;
use crate::proto::value::Source;
use crate::proto::{
    Checkpoint, InterruptSignal, Origin, PendingTask, Send, TypedValue, Value, ValuesLayout, VersionMap,
};

/// What a saver gives of a checkpoint that was read. One that another framework wrote comes as far as juncture has a place
/// for it: values that are JSON or plain MessagePack, versions that are whole numbers. Its metadata say what is left out.
pub(super) fn to_tuple(config: &RunnableConfig, read: ReadCheckpoint) -> Result<CheckpointTuple, CheckpointError> {
    let ReadCheckpoint { mut checkpoint, mut writes, values } = read;
    let values = Values(&values);
    let notes = match checkpoint.origin() {
        Origin::Juncture => HashMap::new(),
        _ => foreign::notes(&mut checkpoint, std::mem::take(&mut writes).len(), |value| {
            values.json("", Some(value)).is_ok()
        }),
    };
    let at = |id: &String| RunnableConfig { checkpoint_id: Some(id.clone()), ..config.clone() };
    let to_write = |write: crate::proto::PendingWrite| {
        let value = values.json(&format!("the write to {}", write.channel), write.value.as_ref())?;
        Ok(JunctureWrite { task_id: write.task_id, channel: write.channel, value })
    };
    Ok(CheckpointTuple {
        config: at(&checkpoint.id),
        parent_config: checkpoint.parent_id.as_ref().map(at),
        metadata: metadata_of(&checkpoint, notes)?,
        pending_writes: writes.into_iter().map(to_write).collect::<Result<_, CheckpointError>>()?,
        checkpoint: values.checkpoint(checkpoint)?,
    })
}

/// The values of a read, by reference.
struct Values<'a>(&'a BTreeMap<String, TypedValue>);

impl Values<'_> {
    fn checkpoint(&self, read: Checkpoint) -> Result<JunctureCheckpoint, CheckpointError> {
        let versions_seen = read.versions_seen.unwrap_or_default().nodes.into_iter();
        let counters = read.delta_counters.into_iter();
        Ok(JunctureCheckpoint {
            channel_values: self.state(read.values_layout, &read.channel_values)?,
            id: read.id,
            channel_versions: to_numbers(read.channel_versions),
            versions_seen: versions_seen.map(|(node, versions)| (node, to_numbers(Some(versions)))).collect(),
            pending_tasks: read.pending_tasks.into_iter().map(|task| self.task(task)).collect::<Result<_, _>>()?,
            pending_sends: read.pending_sends.into_iter().map(|send| self.send(send)).collect::<Result<_, _>>()?,
            pending_interrupts: read
                .pending_interrupts
                .into_iter()
                .map(|signal| self.interrupt(signal))
                .collect::<Result<_, _>>()?,
            schema_version: read.schema_version.unwrap_or(1),
            created_at: read.created_at.unwrap_or_default(),
            v: read.format_version.unwrap_or(1),
            new_versions: to_numbers(read.new_versions),
            counters_since_delta_snapshot: counters
                .map(|(name, counter)| {
                    (name, DeltaCounters { updates: counter.updates, supersteps: counter.supersteps })
                })
                .collect(),
        })
    }

    fn state(&self, layout: i32, channels: &BTreeMap<String, Value>) -> Result<Json, CheckpointError> {
        if layout == i32::from(ValuesLayout::Whole) {
            return self.json("channel_values", channels.get(""));
        }
        let members = channels
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.json(&format!("channel_values.{name}"), Some(value))?)));
        Ok(Json::Object(members.collect::<Result<_, CheckpointError>>()?))
    }

    fn json(&self, path: &str, value: Option<&Value>) -> Result<Json, CheckpointError> {
        let value = match value.and_then(|value| value.source.as_ref()) {
            None => return Ok(Json::Null),
            Some(Source::Inline(value)) => Some(value),
            Some(Source::Ref(name)) => self.0.get(name),
            Some(Source::Splice(_)) => None,
        };
        let value =
            value.ok_or_else(|| CheckpointError::Other(format!("{path}: the server did not send its value")))?;
        // juncture's own are JSON, in which it is read whatever its depth and length.
        let decoded = match value.r#type.as_str() {
            "json" => serde_json::from_slice(&value.data).map_err(|error| error.to_string()),
            _ => value.decode().map_err(|error| error.to_string()),
        };
        decoded.map_err(|error| CheckpointError::Deserialize(format!("{path}: {error}").into()))
    }

    fn task(&self, task: PendingTask) -> Result<CheckpointPendingTask, CheckpointError> {
        let PendingTask { id, node, triggers, state_override } = task;
        let state_override = match &state_override {
            None => None,
            given => Some(self.json(&format!("pending_tasks.{node}"), given.as_ref())?),
        };
        Ok(CheckpointPendingTask { id, node, triggers, state_override })
    }

    fn send(&self, Send { node, value, .. }: Send) -> Result<SerializedSend, CheckpointError> {
        let state = self.json(&format!("pending_sends.{node}"), value.as_ref())?;
        Ok(SerializedSend { node, state })
    }

    fn interrupt(&self, signal: InterruptSignal) -> Result<JunctureInterrupt, CheckpointError> {
        let payload = self.json("pending_interrupts", signal.value.as_ref())?;
        let timestamp = signal.created_at.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
        let signal = json!({
            "index": signal.index.unwrap_or(0),
            "id": signal.id,
            "payload": payload,
            "timestamp": timestamp,
        });
        serde_json::from_value(signal).map_err(|error| CheckpointError::Deserialize(Box::new(error)))
    }
}

/// juncture's own metadata are kept as they were; of another framework's, what every checkpoint has, and what has no place.
fn metadata_of(checkpoint: &Checkpoint, notes: HashMap<String, Json>) -> Result<CheckpointMetadata, CheckpointError> {
    let is_own = checkpoint.origin() == Origin::Juncture;
    if let Some(metadata) = checkpoint.metadata.as_ref().filter(|_| is_own) {
        return serde_json::from_slice(metadata).map_err(|error| CheckpointError::Deserialize(Box::new(error)));
    }
    Ok(CheckpointMetadata {
        source: match checkpoint.source.as_deref() {
            Some("input") => CheckpointSource::Input,
            Some("update") => CheckpointSource::Update,
            Some("fork") => CheckpointSource::Fork,
            Some("interrupt") => {
                CheckpointSource::Interrupt { node: checkpoint.source_node.clone().unwrap_or_default() }
            }
            _ => CheckpointSource::Loop,
        },
        step: checkpoint.step.unwrap_or_default(),
        writes: notes,
        parents: checkpoint.parents.clone().into_iter().collect(),
        run_id: checkpoint.run_id.clone().unwrap_or_default(),
        return_value: None,
    })
}

fn to_numbers(versions: Option<VersionMap>) -> HashMap<String, u64> {
    let versions = versions.unwrap_or_default().versions.into_iter();
    versions.filter_map(|(name, version)| Some((name, to_number(version.number.as_ref())?))).collect()
}
