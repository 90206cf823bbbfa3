import { newStore } from "../support/stores.ts";
import { fuzzSuite } from "./suite.ts";

fuzzSuite("an embedded store", 17_000, () => newStore("embedded"));
