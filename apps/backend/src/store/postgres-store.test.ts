import { findPostgres } from "@ccr/testkit";
import { test } from "vitest";
import { describeStore } from "./store-suite.ts";
import { usePostgres } from "./suite/postgres-place.ts";

const found = findPostgres();
if ("why" in found) test("store in PostgreSQL", ({ skip }) => skip(found.why));
else describeStore("PostgreSQL", usePostgres().open);
