import { inject } from "vitest";
import { mongoStore } from "../support/stores.ts";
import { fuzzSuite } from "./suite.ts";

// A database of its own: the requests delete whole spaces.
fuzzSuite("MongoDB", 3_000, async () => mongoStore(inject("mongoUri")));
