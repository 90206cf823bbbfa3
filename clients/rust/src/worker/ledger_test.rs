use super::*;
use crate::proto::{TaskFail, work_request};

fn lease(task: &str, epoch: u64) -> TaskLease {
    TaskLease { thread_id: "t".to_owned(), task_id: task.to_owned(), epoch }
}

fn task(name: &str) -> Task {
    Task { lease: Some(lease(name, 1)), ..Task::default() }
}

fn connected(slots: usize) -> Ledger {
    let mut ledger = Ledger::new(slots);
    ledger.begin(WorkerWelcome { chunk_bytes: 4, payload_bytes_max: 10, ..WorkerWelcome::default() });
    ledger
}

fn ended(name: &str, result: &[u8]) -> FromTask {
    FromTask::Ended(key_of(&lease(name, 1)), Some(TaskResult::Complete(result.to_vec())))
}

/// What is to be sent, in short.
fn outgoing(ledger: &mut Ledger) -> Vec<String> {
    let said = std::iter::from_fn(|| ledger.next_outgoing());
    let in_short = |message| match message {
        work_request::Message::Heartbeat(_) => "heartbeat".to_owned(),
        work_request::Message::Complete(complete) => {
            let result = complete.result.unwrap_or_default();
            format!("complete {} of {}", result.data.len(), result.size_bytes)
        }
        work_request::Message::Chunk(chunk) => format!("chunk {}", chunk.data.len()),
        work_request::Message::Fail(TaskFail { kind, .. }) => format!("fail {kind}"),
        work_request::Message::Progress(_) => "progress".to_owned(),
        work_request::Message::Drain(_) => "drain".to_owned(),
        other @ (work_request::Message::Hello(_) | work_request::Message::Interrupt(_)) => format!("{other:?}"),
    };
    let credited = |WorkRequest { message, credit }| match (message.map_or_else(String::new, in_short), credit) {
        (message, 0) => message,
        (message, credit) => format!("{message}, credit {credit}"),
    };
    said.map(credited).collect()
}

#[test]
fn room_is_granted_once_and_again_when_code_has_ended() {
    let mut ledger = connected(2);
    assert_eq!(outgoing(&mut ledger), ["heartbeat, credit 2"]);
    assert!(ledger.take(&task("a")).is_some());
    assert!(outgoing(&mut ledger).is_empty());
    ledger.hear(ended("a", b"xyz"));
    assert_eq!(outgoing(&mut ledger), ["complete 3 of 3, credit 1"]);
    ledger.forget(Some(&lease("a", 1)));
    assert!(outgoing(&mut ledger).is_empty());
}

#[test]
fn a_result_is_told_again_until_it_is_settled() {
    let mut ledger = connected(1);
    let _started = ledger.take(&task("a"));
    ledger.disconnect();
    ledger.hear(ended("a", b"1234567"));
    assert!(outgoing(&mut ledger).is_empty());
    assert_eq!(ledger.leases(), [lease("a", 1)]);
    for _ in 0..2 {
        ledger.begin(WorkerWelcome { chunk_bytes: 4, payload_bytes_max: 10, ..WorkerWelcome::default() });
        assert_eq!(outgoing(&mut ledger), ["complete 4 of 7", "chunk 3, credit 1"]);
        ledger.disconnect();
    }
    ledger.begin(WorkerWelcome { chunk_bytes: 4, ..WorkerWelcome::default() });
    outgoing(&mut ledger);
    assert!(ledger.take(&task("a")).is_none(), "it must not run twice");
    assert_eq!(outgoing(&mut ledger), ["complete 4 of 7", "chunk 3"]);
    ledger.forget(Some(&lease("a", 1)));
    assert!(ledger.leases().is_empty());
}

#[test]
fn a_task_that_is_forgotten_stops_and_its_end_is_told_to_nobody() {
    let mut ledger = connected(1);
    let mut started = ledger.take(&task("a")).unwrap();
    outgoing(&mut ledger);
    assert!(started.cancelled.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
    ledger.forget(Some(&lease("a", 1)));
    assert!(started.cancelled.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    assert!(outgoing(&mut ledger).is_empty(), "its code is still at work");
    ledger.hear(FromTask::Ended(started.key, None));
    assert_eq!(outgoing(&mut ledger), ["heartbeat, credit 1"]);
}

#[test]
fn a_lease_of_another_epoch_is_another_task() {
    let mut ledger = connected(2);
    let _started = ledger.take(&task("a"));
    outgoing(&mut ledger);
    ledger.forget(Some(&lease("a", 2)));
    assert_eq!(ledger.leases(), [lease("a", 1)]);
}

#[test]
fn a_result_beyond_the_servers_limit_is_a_failure() {
    let mut ledger = connected(1);
    let _started = ledger.take(&task("a"));
    outgoing(&mut ledger);
    ledger.hear(ended("a", b"12345678901"));
    assert_eq!(outgoing(&mut ledger), ["fail ValueTooLarge, credit 1"]);
}

#[test]
fn drained_it_takes_nothing_and_is_done_when_all_is_settled() {
    let mut ledger = connected(3);
    let _started = ledger.take(&task("a"));
    outgoing(&mut ledger);
    ledger.drain();
    assert_eq!(outgoing(&mut ledger), ["drain"]);
    ledger.hear(ended("a", b"x"));
    assert_eq!(outgoing(&mut ledger), ["complete 1 of 1"]);
    assert!(!ledger.is_done());
    ledger.disconnect();
    ledger.begin(WorkerWelcome::default());
    assert_eq!(outgoing(&mut ledger), ["complete 1 of 1", "drain"]);
    ledger.forget(Some(&lease("a", 1)));
    assert!(ledger.is_done());
}

#[test]
fn progress_waits_when_much_is_to_be_sent_and_is_lost_without_a_stream() {
    let mut ledger = connected(1);
    let _started = ledger.take(&task("a"));
    outgoing(&mut ledger);
    let progress = || FromTask::Progress(lease("a", 1), None);
    for _ in 0..OUTBOX_PROGRESS_MAX {
        assert!(ledger.has_room());
        ledger.hear(progress());
    }
    assert!(!ledger.has_room());
    ledger.disconnect();
    ledger.hear(progress());
    assert!(!ledger.has_outgoing());
}
