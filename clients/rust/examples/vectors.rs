//! Rust's part of the vectors that all clients encode and decode alike: see `test/languages/vectors` of the repository.
//! Usage: `vectors write|read|put|get|refuse|errors ADDRESS SPACE THREAD FILE`
use cairn_client::proto::Checkpoint;
use cairn_client::{Client, ConnectOptions, Encoding, Map, PutOptions, RunOptions, Value};
use prost::Message as _;
use serde_json::{Value as Json, json};

type Failure = Box<dyn std::error::Error>;

fn to_value(tagged: &Json) -> Result<Value, Failure> {
    Ok(match tagged {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(to_value).collect::<Result<_, _>>()?),
        Json::Number(_) => return Err("numbers are tagged".into()),
        Json::Object(members) => {
            let only = if members.len() == 1 { members.iter().next() } else { None };
            match only {
                Some((tag, Json::String(digits))) if tag == "$int" => Value::Integer(digits.parse()?),
                Some((tag, Json::String(bits))) if tag == "$float" => {
                    Value::Float(f64::from_bits(u64::from_str_radix(bits, 16)?))
                }
                Some((tag, Json::String(data))) if tag == "$bytes" => Value::Bytes(from_hex(data)?),
                _ => Value::Map(
                    members
                        .iter()
                        .map(|(key, value)| Ok((Value::Text(key.clone()), to_value(value)?)))
                        .collect::<Result<Map, Failure>>()?,
                ),
            }
        }
    })
}

fn to_tagged(value: &Value) -> Result<Json, Failure> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Text(text) => json!(text),
        Value::Integer(number) => json!({"$int": number.to_string()}),
        Value::Float(number) => json!({"$float": format!("{:016x}", number.to_bits())}),
        Value::Bytes(data) => json!({"$bytes": to_hex(data)}),
        Value::List(items) => Json::Array(items.iter().map(to_tagged).collect::<Result<_, _>>()?),
        Value::Map(members) => {
            let mut tagged = serde_json::Map::new();
            for (key, value) in members {
                tagged.insert(key.as_str().ok_or("a key is no text")?.to_owned(), to_tagged(value)?);
            }
            Json::Object(tagged)
        }
        Value::Extension(..) => return Err("no vector is an extension".into()),
    })
}

fn from_hex(digits: &str) -> Result<Vec<u8>, Failure> {
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2).ok_or("half a byte"));
    pairs.map(|pair| Ok(u8::from_str_radix(pair?, 16)?)).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

fn list<'a>(vectors: &'a Json, part: &str) -> &'a [Json] {
    vectors[part].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(vector: &'a Json, member: &str) -> &'a str {
    vector[member].as_str().unwrap_or_default()
}

async fn write(client: &Client, thread: &str, vectors: &Json) -> Result<(), Failure> {
    for (name, encoding) in [("msgpack", Encoding::Msgpack), ("json", Encoding::Json)] {
        let mut values = Map::new();
        for vector in list(vectors, "picked").iter().chain(list(vectors, "generated")) {
            if name == "msgpack" || vector["json"] != json!(false) {
                values.insert(text(vector, "name"), to_value(&vector["value"])?);
            }
        }
        let input = Map::from_iter([(Value::Text("values".to_owned()), Value::Map(values))]);
        let thread = client.with_encoding(encoding).thread(format!("{thread} {name}"));
        thread.run(&Value::Map(input), RunOptions::graph("vectors")).await?;
    }
    Ok(())
}

async fn read(client: &Client, thread: &str) -> Result<(), Failure> {
    for encoding in ["msgpack", "json"] {
        let state = client.thread(format!("{thread} {encoding}")).state().await?;
        let Value::Map(values) = state.get::<Value>("values")? else { return Err("no map of values".into()) };
        for (name, value) in &values {
            println!("{}", json!({"encoding": encoding, "name": name.as_str(), "value": to_tagged(value)?}));
        }
    }
    Ok(())
}

async fn put(client: &Client, thread: &str, vectors: &Json) -> Result<(), Failure> {
    for vector in list(vectors, "checkpoints") {
        let mut checkpoint = Checkpoint::decode(from_hex(text(vector, "message"))?.as_slice())?;
        checkpoint.thread_id = format!("{thread} {}", text(vector, "name"));
        client.checkpoint_store().put(checkpoint, PutOptions::default()).await?;
    }
    Ok(())
}

async fn get(client: &Client, thread: &str, vectors: &Json) -> Result<(), Failure> {
    for vector in list(vectors, "checkpoints") {
        let name = text(vector, "name");
        let given = Checkpoint::decode(from_hex(text(vector, "message"))?.as_slice())?;
        let found = client.checkpoint_store().get(&format!("{thread} {name}"), &given.namespace, None).await?;
        let values: serde_json::Map<String, Json> = found
            .values
            .iter()
            .map(|(name, value)| (name.clone(), json!([value.r#type, to_hex(&value.data)])))
            .collect();
        let message = to_hex(&found.checkpoint.encode_to_vec());
        println!("{}", json!({"name": name, "message": message, "values": values}));
    }
    Ok(())
}

async fn refuse(client: &Client, thread: &str, vectors: &Json) -> Result<(), Failure> {
    for vector in list(vectors, "refused") {
        let encoding = if text(vector, "encoding") == "json" { Encoding::Json } else { Encoding::Msgpack };
        let at = Map::from_iter([(Value::Text("at".to_owned()), Value::List(vec![to_value(&vector["value"])?]))]);
        let input = Map::from_iter([(Value::Text("values".to_owned()), Value::Map(at))]);
        let thread = client.with_encoding(encoding).thread(thread);
        let refused = thread.run(&Value::Map(input), RunOptions::graph("vectors")).await.err();
        let message = refused.map(|error| error.to_string()).unwrap_or_default();
        println!("{}", json!({"name": text(vector, "name"), "message": message}));
    }
    Ok(())
}

async fn errors(client: &Client, thread: &str) -> Result<(), Failure> {
    let graph = "name: bad\nnodes: { a: { worker: {}, colour: red } }";
    let failing = [
        ("missing thread", client.thread(format!("{thread} missing")).state().await.err()),
        ("bad graph", client.graphs().register(graph).await.err()),
        ("nothing to resume", client.thread(format!("{thread} none")).resume(&true, RunOptions::default()).await.err()),
    ];
    for (name, error) in failing {
        let error = error.ok_or("the call was to fail")?;
        let field = error.violations().first().map(|violation| violation.field.clone()).unwrap_or_default();
        println!("{}", json!({"name": name, "code": code_name(&error), "reason": error.reason(), "field": field}));
    }
    Ok(())
}

/// As gRPC writes it: `NOT_FOUND`.
fn code_name(error: &cairn_client::Error) -> String {
    let mut name = String::new();
    for letter in format!("{:?}", error.code()).chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, address, space, thread, file] = arguments.as_slice() else {
        return Err("usage: vectors write|read|put|get|refuse|errors ADDRESS SPACE THREAD FILE".into());
    };
    let vectors: Json = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let client = Client::connect(ConnectOptions {
        address: address.clone(),
        space: space.clone(),
        ..ConnectOptions::default()
    })?;
    match what.as_str() {
        "write" => write(&client, thread, &vectors).await,
        "read" => read(&client, thread).await,
        "put" => put(&client, thread, &vectors).await,
        "get" => get(&client, thread, &vectors).await,
        "refuse" => refuse(&client, thread, &vectors).await,
        "errors" => errors(&client, thread).await,
        _ => Err("no such command".into()),
    }
}
