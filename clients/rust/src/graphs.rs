use std::time::SystemTime;

use crate::client::{Client, Responses};
use crate::error::Result;
use crate::method;
use crate::pages::Pages;
use crate::proto::draw_graph_request::Graph as Drawn;
use crate::proto::graph_source::Source;
use crate::proto::{self, DrawnThread, GraphFault, GraphSource, GraphSpec, MigrateThreadsResponse, RegisteredGraph};
use crate::time::moment;

/// A graph: the text of a graph file, or the message.
#[derive(Clone, Debug)]
pub enum GraphInput {
    /// YAML or JSON, at most 1 MiB.
    Text(String),
    /// The message.
    Spec(Box<GraphSpec>),
}

impl From<&str> for GraphInput {
    fn from(text: &str) -> GraphInput {
        GraphInput::Text(text.to_owned())
    }
}

impl From<String> for GraphInput {
    fn from(text: String) -> GraphInput {
        GraphInput::Text(text)
    }
}

impl From<GraphSpec> for GraphInput {
    fn from(spec: GraphSpec) -> GraphInput {
        GraphInput::Spec(Box::new(spec))
    }
}

impl From<GraphInput> for GraphSource {
    fn from(graph: GraphInput) -> GraphSource {
        let source = match graph {
            GraphInput::Text(text) => Source::Text(text),
            GraphInput::Spec(spec) => Source::Spec(*spec),
        };
        GraphSource { source: Some(source) }
    }
}

/// A graph as it is registered.
#[derive(Clone, Debug)]
pub struct GraphInfo {
    /// Its name.
    pub name: String,
    /// SHA-256 of its canonical form, in hexadecimal.
    pub hash: String,
    /// Which registration under this name it is, from 1.
    pub revision: u64,
    /// When it was registered.
    pub registered_at: Option<SystemTime>,
    /// Its description.
    pub description: String,
    /// The graph; `None` in lists.
    pub spec: Option<GraphSpec>,
}

impl From<RegisteredGraph> for GraphInfo {
    fn from(graph: RegisteredGraph) -> GraphInfo {
        GraphInfo {
            name: graph.name,
            hash: graph.hash,
            revision: graph.revision,
            registered_at: moment(graph.registered_at),
            description: graph.description,
            spec: graph.spec,
        }
    }
}

/// The graphs of a space.
#[derive(Clone)]
pub struct Graphs {
    client: Client,
}

impl Graphs {
    pub(crate) fn new(client: Client) -> Graphs {
        Graphs { client }
    }

    /// Registers a graph under its name and makes it the name's latest. Registering the same again changes nothing.
    ///
    /// # Errors
    /// `InvalidArgument` (`GRAPH_INVALID`) with every fault in the violations.
    pub async fn register(&self, graph: impl Into<GraphInput>) -> Result<GraphInfo> {
        let request = proto::RegisterGraphRequest { graph: Some(graph.into().into()) };
        Ok(self.client.call(&method::REGISTER_GRAPH, request).await?.graph.unwrap_or_default().into())
    }

    /// Every fault of a graph, each with its path; none when it could be registered.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn validate(&self, graph: impl Into<GraphInput>) -> Result<Vec<GraphFault>> {
        let request = proto::ValidateGraphRequest { graph: Some(graph.into().into()) };
        Ok(self.client.call(&method::VALIDATE_GRAPH, request).await?.faults)
    }

    /// A registered graph as a Mermaid flowchart.
    ///
    /// # Errors
    /// `NotFound` (`GRAPH_NOT_FOUND`).
    pub async fn draw(&self, name: &str) -> Result<String> {
        self.drawn(Drawn::Name(name.to_owned())).await
    }

    /// A graph that need not be registered as a Mermaid flowchart.
    ///
    /// # Errors
    /// `InvalidArgument` (`GRAPH_INVALID`).
    pub async fn draw_source(&self, graph: impl Into<GraphInput>) -> Result<String> {
        self.drawn(Drawn::Source(graph.into().into())).await
    }

    /// The graph that a thread ran as a Mermaid flowchart, with its nodes marked by how they stand in the superstep after the
    /// head.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn draw_thread(&self, thread_id: &str) -> Result<String> {
        self.drawn(Drawn::Thread(DrawnThread { thread_id: thread_id.to_owned(), ..Default::default() })).await
    }

    async fn drawn(&self, graph: Drawn) -> Result<String> {
        let request = proto::DrawGraphRequest { graph: Some(graph) };
        Ok(self.client.call(&method::DRAW_GRAPH, request).await?.mermaid)
    }

    /// Reads a graph: of the hash, or when that is empty the name's latest.
    ///
    /// # Errors
    /// `NotFound` (`GRAPH_NOT_FOUND`).
    pub async fn get(&self, name: &str, hash: &str) -> Result<GraphInfo> {
        let request = proto::GetGraphRequest { name: name.to_owned(), hash: hash.to_owned() };
        Ok(self.client.call(&method::GET_GRAPH, request).await?.graph.unwrap_or_default().into())
    }

    /// Brings the threads of a graph to the `schema_version` of its latest spec, or with `dry_run` only tries to. Tells of
    /// each one that was at another version, and after each page of threads how far it is. May be broken off and called
    /// again.
    ///
    /// # Errors
    /// `NotFound` (`GRAPH_NOT_FOUND`).
    pub async fn migrate(&self, name: &str, dry_run: bool) -> Result<Responses<MigrateThreadsResponse>> {
        let request = proto::MigrateThreadsRequest { name: name.to_owned(), dry_run };
        self.client.stream(&method::MIGRATE_THREADS, request).await
    }

    /// The latest graph of each name, by name, without their specs.
    #[must_use]
    pub fn list(&self) -> Pages<GraphInfo> {
        let client = self.client.clone();
        Pages::new(move |page_token| {
            let client = client.clone();
            async move {
                let request = proto::ListGraphsRequest { page_token, page_size: 0 };
                let page = client.call(&method::LIST_GRAPHS, request).await?;
                Ok((page.graphs.into_iter().map(GraphInfo::from).collect(), page.next_page_token))
            }
        })
    }
}
