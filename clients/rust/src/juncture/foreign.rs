use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::proto::version::Number;
use crate::proto::{Checkpoint, Value, VersionMap};

/// What the metadata say, in their one open map, of a checkpoint that another framework wrote: `cairn_origin`, who wrote it,
/// and `cairn_left_out`, names of what juncture has no place for. Channels whose values can't be read are taken out of it.
pub(super) fn notes(
    checkpoint: &mut Checkpoint,
    writes: usize,
    is_read: impl Fn(&Value) -> bool,
) -> HashMap<String, Json> {
    let origin = checkpoint.origin().as_str_name().trim_start_matches("ORIGIN_").to_lowercase();
    let mut unread = Vec::new();
    checkpoint.channel_values.retain(|name, value| {
        let keep = is_read(value);
        if !keep {
            unread.push(format!("channel_values[{name:?}]"));
        }
        keep
    });
    let extra = checkpoint.extra.keys().filter(|name| !name.starts_with('!')).map(|name| format!("extra[{name:?}]"));
    let writes = (writes > 0).then(|| format!("{writes} pending writes"));
    let fields = fields_left(checkpoint).map(str::to_owned);
    let left_out: Vec<String> = fields.chain(unread).chain(extra).chain(writes).collect();
    HashMap::from([("cairn_origin".to_owned(), json!(origin)), ("cairn_left_out".to_owned(), json!(left_out))])
}

fn fields_left(checkpoint: &Checkpoint) -> impl Iterator<Item = &'static str> {
    let mut seen = checkpoint.versions_seen.iter().flat_map(|seen| seen.nodes.values());
    let fields = [
        ("phase", checkpoint.phase != 0),
        ("created_at_ms", checkpoint.created_at_ms.is_some()),
        ("graph_name", checkpoint.graph_name.is_some()),
        ("graph_hash", checkpoint.graph_hash.is_some()),
        ("channel_versions", !are_numbers(checkpoint.channel_versions.as_ref())),
        ("versions_seen", !seen.all(|versions| are_numbers(Some(versions)))),
        ("new_versions", !are_numbers(checkpoint.new_versions.as_ref())),
        ("updated_channels", checkpoint.updated_channels.is_some()),
        ("current_node", checkpoint.current_node.is_some()),
        ("next_nodes", !checkpoint.next_nodes.is_empty()),
        ("barrier_state", !checkpoint.barrier_state.is_empty()),
        ("metadata", checkpoint.metadata.is_some()),
        ("subgraph_heads", !checkpoint.subgraph_heads.is_empty()),
    ];
    fields.into_iter().filter(|(_, is_left)| *is_left).map(|(name, _)| name)
}

/// Whether each version is one that juncture can have.
fn are_numbers(versions: Option<&VersionMap>) -> bool {
    versions.iter().flat_map(|map| map.versions.values()).all(|version| to_number(version.number.as_ref()).is_some())
}

/// A version as juncture has it; absent where it is no whole number from 0.
pub(super) fn to_number(number: Option<&Number>) -> Option<u64> {
    match number? {
        Number::Uint64Value(number) => Some(*number),
        Number::Int64Value(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
