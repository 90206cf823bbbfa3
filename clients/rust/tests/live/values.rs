use std::collections::{BTreeMap, HashMap};

use cairn_client::{Encoding, Map, RunOptions, TypedValue, Value, from_value, to_value};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::server::Server;

const KEEP: &str = r"
name: keep
channels: { v: { kind: CHANNEL_KIND_LAST_VALUE }, list: { kind: CHANNEL_KIND_APPEND } }
nodes: { again: { expression: { update: { v: state.v } } } }
edges: [{ from: [__start__], to: again }]
";

fn deep(levels: usize) -> Value {
    (0..levels).fold(Value::from("bottom"), |value, _| Value::List(vec![value]))
}

fn both() -> Vec<Value> {
    let map =
        Map::from_iter([("b".into(), 1.into()), ("a".into(), Value::Null), ("ü\0🦀".into(), Value::List(vec![]))]);
    vec![
        Value::Null,
        true.into(),
        0.into(),
        Value::Integer(u64::MAX.into()),
        Value::Integer(i64::MIN.into()),
        Value::Integer((1 << 53) + 1),
        (-1).into(),
        1.0.into(),
        (-0.0).into(),
        0.1.into(),
        5e-324.into(),
        f64::MAX.into(),
        "".into(),
        "NUL \0 and beyond the BMP \u{1f980}\u{10ffff}".into(),
        Value::List(vec![]),
        Value::Map(Map::new()),
        Value::Map(map),
        deep(10),
        deep(509),
    ]
}

fn msgpack_only() -> Vec<Value> {
    let odd_keys = Map::from_iter([(1.into(), "one".into()), (Value::Bytes(vec![1]), 2.into())]);
    vec![
        f64::INFINITY.into(),
        Value::Bytes(vec![]),
        Value::Bytes(vec![0, 255]),
        Value::Bytes(vec![7; 70_000]),
        Value::Extension(-1, vec![1, 2, 3, 4]),
        Value::Extension(127, vec![0; 3]),
        Value::Map(odd_keys),
    ]
}

/// Equal, with the sign of zero.
fn assert_same(left: &Value, right: &Value) {
    assert_eq!(left, right);
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
}

#[test]
fn every_value_comes_back_as_it_was() {
    for value in both() {
        for encoding in [Encoding::Msgpack, Encoding::Json] {
            assert_same(&TypedValue::encode(&value, encoding).unwrap().decode().unwrap(), &value);
        }
        assert_same(&to_value(&value).unwrap(), &value);
    }
    for value in msgpack_only() {
        assert_same(&TypedValue::encode(&value, Encoding::Msgpack).unwrap().decode().unwrap(), &value);
        assert_same(&to_value(&value).unwrap(), &value);
    }
    let nan: Value = TypedValue::encode(&f64::NAN, Encoding::Msgpack).unwrap().decode().unwrap();
    assert!(matches!(nan, Value::Float(nan) if nan.is_nan()));
}

#[test]
fn what_json_does_not_hold_is_refused_with_its_path() {
    for value in msgpack_only().into_iter().chain([f64::NAN.into()]) {
        let state = BTreeMap::from([("items", vec![Value::Null, value])]);
        let error = TypedValue::encode(&state, Encoding::Json).unwrap_err();
        assert_eq!((error.reason(), error.field()), ("VALUE_MALFORMED", Some("items[1]")), "{error}");
    }
}

#[test]
fn integers_that_the_wire_does_not_hold_are_refused_and_never_rounded() {
    for value in [i128::from(u64::MAX) + 1, i128::from(i64::MIN) - 1] {
        for encoding in [Encoding::Msgpack, Encoding::Json] {
            assert_eq!(TypedValue::encode(&vec![value], encoding).unwrap_err().field(), Some("[0]"));
        }
    }
    for text in ["18446744073709551616", "[-9223372036854775809]", "340282366920938463463374607431768211456"] {
        let typed = TypedValue { r#type: "json".into(), data: text.into() };
        assert_eq!(typed.decode::<Value>().unwrap_err().reason(), "VALUE_MALFORMED", "{text}");
    }
    let digits_in_text = TypedValue { r#type: "json".into(), data: r#""18446744073709551616 \" 9""#.into() };
    assert_eq!(digits_in_text.decode::<String>().unwrap(), "18446744073709551616 \" 9");
}

#[test]
fn bytes_that_are_no_value_are_refused() {
    let deep_json = "[".repeat(513) + &"]".repeat(513);
    for (name, data) in [
        ("msgpack", vec![]),
        ("msgpack", vec![0xc1]),
        ("msgpack", vec![0xc0, 0xc0]),
        ("msgpack", vec![0xa2, b'a']),
        ("msgpack", vec![0xa1, 0xff]),
        ("msgpack", vec![0xdd, 0xff, 0xff, 0xff, 0xff]),
        ("msgpack", vec![0xc6, 0xff, 0xff, 0xff, 0xff]),
        ("msgpack", vec![0x91; 600]),
        ("json", b"[1,".to_vec()),
        ("json", b"1 2".to_vec()),
        ("json", vec![b'"', 0xff, b'"']),
        ("json", deep_json.into_bytes()),
        ("pickle", vec![1]),
    ] {
        let error = TypedValue { r#type: name.into(), data: data.clone() }.decode::<Value>().unwrap_err();
        assert_eq!(error.reason(), "VALUE_MALFORMED", "{name} {data:?}");
    }
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
enum Shape {
    Empty,
    Circle(f64),
    Line(i8, u64),
    Box { width: Option<u32>, tags: Vec<String> },
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Record {
    shapes: Vec<Shape>,
    blob: ByteBuf,
    by_number: HashMap<u16, char>,
    missing: Option<bool>,
    raw: Value,
    unit: (),
    wide: u64,
}

#[test]
fn types_of_the_users_own_come_back_and_misfits_are_named_by_their_path() {
    let record = Record {
        shapes: vec![
            Shape::Empty,
            Shape::Circle(1.0),
            Shape::Line(-1, u64::MAX),
            Shape::Box { width: None, tags: vec!["🦀".into()] },
        ],
        blob: ByteBuf::from(vec![0, 1, 255]),
        by_number: HashMap::from([(7, 'ü')]),
        missing: None,
        raw: Value::Extension(3, vec![9]),
        unit: (),
        wide: u64::MAX,
    };
    let typed = TypedValue::encode(&record, Encoding::Msgpack).unwrap();
    assert_eq!(typed.decode::<Record>().unwrap(), record);
    let blob: HashMap<String, Vec<u8>> =
        from_value(Value::Map(Map::from_iter([("blob".into(), Value::Bytes(vec![1, 2]))]))).unwrap();
    assert_eq!(blob["blob"], [1, 2]);

    let misfit = to_value(&serde_json::json!({"shapes": [{"Box": {"width": 1, "tags": [1.5]}}]})).unwrap();
    let error = from_value::<Record>(misfit).unwrap_err();
    assert_eq!(error.field(), Some("shapes[0].Box.tags[0]"), "{error}");
    assert!(from_value::<u32>(1.0.into()).is_err());
}

#[tokio::test]
async fn every_value_passes_a_live_server_as_it_was() {
    let server = Server::shared();
    let client = server.client();
    client.graphs().register(KEEP).await.unwrap();
    // What goes through CEL loses the signs that CEL does not know: the channel is written by the input alone.
    for encoding in [Encoding::Msgpack, Encoding::Json] {
        let values = if encoding == Encoding::Json { both() } else { [both(), msgpack_only()].concat() };
        for (i, value) in values.into_iter().enumerate() {
            let thread = client.with_encoding(encoding).thread(format!("{encoding:?}-{i}"));
            let options = RunOptions { interrupt_before: vec!["again".into()], ..RunOptions::graph("keep") };
            let input =
                Map::from_iter([("v".into(), value.clone()), ("list".into(), Value::List(vec![value.clone()]))]);
            let outcome = thread.run(&Value::Map(input), options).await.unwrap();
            assert_same(&outcome.state.values["v"].decode().unwrap(), &value);
            let read: Value = thread.state().await.unwrap().decode().unwrap();
            assert_same(read.get("v").unwrap(), &value);
            assert_same(read.get("list").unwrap(), &Value::List(vec![value]));
        }
    }
}

#[tokio::test]
async fn empty_null_and_missing_differ() {
    let server = Server::shared();
    let client = server.client();
    client.graphs().register(KEEP).await.unwrap();
    let options = || RunOptions { interrupt_before: vec!["*".into()], ..RunOptions::graph("keep") };
    let null = client.thread("null").run(&serde_json::json!({"v": null}), options()).await.unwrap().state;
    assert_eq!(null.values["v"].decode::<Value>().unwrap(), Value::Null);
    let empty = client.thread("empty").run(&serde_json::json!({"v": ""}), options()).await.unwrap().state;
    assert_eq!(empty.get::<Option<String>>("v").unwrap(), Some(String::new()));
    let missing = client.thread("missing").run(&serde_json::json!({"list": [1]}), options()).await.unwrap().state;
    assert!(!missing.values.contains_key("v"));
    assert_eq!(missing.get::<Option<String>>("v").unwrap(), None);
    assert_eq!(missing.get::<String>("v").unwrap_err().field(), Some("v"));
}
