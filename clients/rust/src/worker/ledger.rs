use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

use super::run_task::FromTask;
use super::task_result::TaskResult;
use crate::proto::work_request::Message;
use crate::proto::{Task, TaskLease, TaskProgress, WorkRequest, WorkerDrain, WorkerHeartbeat, WorkerWelcome};

/// Tasks at work and results not settled, together: as many as a Hello may name.
const HELD_MAX: usize = 2_000;
/// With so many messages to be sent, no more progress is taken from tasks, which then wait.
const OUTBOX_PROGRESS_MAX: usize = 256;
/// A server that does not say takes pieces of this length.
const CHUNK_BYTES_DEFAULT: usize = 256 * 1024;

/// Names one lease: thread, task, epoch.
pub(super) type Key = (String, String, u64);

pub(super) fn key_of(lease: &TaskLease) -> Key {
    (lease.thread_id.clone(), lease.task_id.clone(), lease.epoch)
}

/// A task that this process holds: at work, or with a result that is not settled.
struct Held {
    lease: TaskLease,
    result: Option<TaskResult>,
    /// Dropped with this, it tells the task to stop.
    _cancel: oneshot::Sender<()>,
}

/// A task that is to be run.
pub(super) struct Start {
    pub(super) key: Key,
    pub(super) cancelled: oneshot::Receiver<()>,
}

/// What a worker holds and has to say: the protocol's state, without its I/O.
pub(super) struct Ledger {
    slots: usize,
    held: BTreeMap<Key, Held>,
    /// Code that is at work, also for tasks that were dropped.
    running: usize,
    /// Room that the server knows of and has not used.
    credit: usize,
    outbox: VecDeque<WorkRequest>,
    welcome: Option<WorkerWelcome>,
    is_connected: bool,
    is_draining: bool,
}

impl Ledger {
    pub(super) fn new(slots: usize) -> Ledger {
        Ledger {
            slots,
            held: BTreeMap::new(),
            running: 0,
            credit: 0,
            outbox: VecDeque::new(),
            welcome: None,
            is_connected: false,
            is_draining: false,
        }
    }

    /// The leases that a Hello names.
    pub(super) fn leases(&self) -> Vec<TaskLease> {
        self.held.values().map(|held| held.lease.clone()).collect()
    }

    /// A server has let the worker in: it is told every result that is not settled, and how much room there is.
    pub(super) fn begin(&mut self, welcome: WorkerWelcome) {
        self.welcome = Some(welcome);
        self.is_connected = true;
        for key in self.held.keys().cloned().collect::<Vec<_>>() {
            self.tell(&key);
        }
        if self.is_draining {
            self.push(Message::Drain(WorkerDrain {}));
        }
        self.grant();
    }

    /// The stream is over: what was not sent is told anew on the next one, or not at all.
    pub(super) fn disconnect(&mut self) {
        self.is_connected = false;
        self.credit = 0;
        self.outbox.clear();
    }

    /// Takes a task. One that it holds already goes on, or is told again.
    pub(super) fn take(&mut self, task: &Task) -> Option<Start> {
        let lease = task.lease.clone()?;
        let key = key_of(&lease);
        if self.held.contains_key(&key) {
            self.tell(&key);
            return None;
        }
        let (cancel, cancelled) = oneshot::channel();
        self.held.insert(key.clone(), Held { lease, result: None, _cancel: cancel });
        self.credit = self.credit.saturating_sub(1);
        self.running += 1;
        Some(Start { key, cancelled })
    }

    /// The server is done with a task: acknowledged, cancelled or evicted.
    pub(super) fn forget(&mut self, lease: Option<&TaskLease>) {
        if let Some(lease) = lease {
            self.held.remove(&key_of(lease));
            self.grant();
        }
    }

    /// Takes what a task tells.
    pub(super) fn hear(&mut self, told: FromTask) {
        match told {
            FromTask::Progress(lease, what) => {
                if self.is_connected && self.held.contains_key(&key_of(&lease)) {
                    self.push(Message::Progress(TaskProgress { lease: Some(lease), what }));
                }
            }
            FromTask::Ended(key, result) => {
                self.running -= 1;
                let bytes_max = self.welcome.as_ref().map_or(u64::MAX, |welcome| welcome.payload_bytes_max);
                if let Some(held) = self.held.get_mut(&key) {
                    held.result = result.map(|result| result.bounded(bytes_max));
                    self.tell(&key);
                }
                self.grant();
            }
        }
    }

    /// A sign of life.
    pub(super) fn beat(&mut self) {
        self.push(Message::Heartbeat(WorkerHeartbeat {}));
    }

    /// Takes no more tasks.
    pub(super) fn drain(&mut self) {
        if !self.is_draining && self.is_connected {
            self.push(Message::Drain(WorkerDrain {}));
        }
        self.is_draining = true;
    }

    /// Whether it takes no more tasks and has told of all.
    pub(super) fn is_done(&self) -> bool {
        self.is_draining && self.held.is_empty()
    }

    /// Whether tasks may tell more.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < OUTBOX_PROGRESS_MAX
    }

    pub(super) fn has_outgoing(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The next message to be sent.
    pub(super) fn next_outgoing(&mut self) -> Option<WorkRequest> {
        self.outbox.pop_front()
    }

    fn tell(&mut self, key: &Key) {
        let Some(Held { lease, result: Some(result), .. }) = self.held.get(key) else { return };
        if self.is_connected {
            let told = self.welcome.as_ref().map_or(0, |welcome| welcome.chunk_bytes as usize);
            let chunk_bytes = if told == 0 { CHUNK_BYTES_DEFAULT } else { told };
            self.outbox.extend(result.messages(lease, chunk_bytes).into_iter().map(said));
        }
    }

    /// Tells the server of room that it does not know of.
    fn grant(&mut self) {
        if self.is_draining || !self.is_connected {
            return;
        }
        let free = self.slots.saturating_sub(self.running + self.credit);
        let more = free.min(HELD_MAX.saturating_sub(self.held.len() + self.credit));
        if more > 0 {
            self.credit += more;
            let tasks = u32::try_from(more).unwrap_or(u32::MAX);
            // It rides with the message that is sent last: a result's end, mostly.
            if let Some(last) = self.outbox.back_mut() {
                last.credit += tasks;
            } else {
                let heartbeat = Message::Heartbeat(WorkerHeartbeat {});
                self.outbox.push_back(WorkRequest { message: Some(heartbeat), credit: tasks });
            }
        }
    }

    fn push(&mut self, message: Message) {
        self.outbox.push_back(said(message));
    }
}

fn said(message: Message) -> WorkRequest {
    WorkRequest { message: Some(message), credit: 0 }
}

#[cfg(test)]
#[path = "ledger_test.rs"]
mod tests;
