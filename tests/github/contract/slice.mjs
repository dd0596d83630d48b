// Cuts GitHub's own description of its API down to the operations that changegate asks for.
//
//   npm install --no-save @octokit/openapi@23.0.2 && node slice.mjs
//
// writes `api.json`, which is committed: with it, nobody needs the whole description (385 MB).

import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";

const REPOSITORY = "/repos/{owner}/{repo}";
const WANTED = {
  "": ["get"],
  "/pulls": ["get"],
  "/pulls/{pull_number}": ["get"],
  "/pulls/{pull_number}/commits": ["get"],
  "/pulls/{pull_number}/files": ["get"],
  "/pulls/{pull_number}/reviews": ["get"],
  "/commits/{ref}": ["get"],
  "/commits/{ref}/check-runs": ["get"],
  "/commits/{ref}/status": ["get"],
  "/commits/{commit_sha}/pulls": ["get"],
  "/compare/{basehead}": ["get"],
  "/contents/{path}": ["get"],
  "/git/matching-refs/{ref}": ["get"],
  "/git/ref/{ref}": ["get"],
  "/git/commits/{commit_sha}": ["get"],
  "/branches/{branch}": ["get"],
  "/branches/{branch}/protection": ["get"],
  "/rules/branches/{branch}": ["get"],
  "/rulesets": ["get"],
  "/rulesets/{ruleset_id}": ["get"],
  "/activity": ["get"],
  "/collaborators/{username}/permission": ["get"],
  "/issues/{issue_number}": ["get"],
  "/issues/{issue_number}/comments": ["get", "post"],
  "/issues/{issue_number}/timeline": ["get"],
  "/issues/comments/{comment_id}": ["get", "patch"],
  "/check-runs": ["post"],
  "/check-runs/{check_run_id}": ["get", "patch"],
};
const ELSEWHERE = {
  "/user": ["get"],
  "/rate_limit": ["get"],
  "/orgs/{org}/teams/{team_slug}/members": ["get"],
};

// GitHub marks a parameter whose value goes over several segments; the validator takes one segment
// for one parameter, so such a path is written out for as many segments as are used.
const SEGMENTS = 4;

const require = createRequire(import.meta.url);
const source = require.resolve("@octokit/openapi/generated/api.github.com.json");
const whole = JSON.parse(readFileSync(source, "utf8"));
const version = require("@octokit/openapi/package.json").version;

const paths = {};
const take = (path, methods) => {
  const item = {};
  for (const method of methods) {
    const operation = whole.paths[path]?.[method];
    if (!operation) throw new Error(`${method} ${path} is not in the description`);
    const { "x-github": _, callbacks: __, externalDocs: ___, description: ____, tags: _____, ...kept } = operation;
    item[method] = kept;
  }
  paths[path] = item;
  const long = /\{(path|ref|branch|basehead)\}/.exec(path)?.[1];
  if (!long) return;
  for (let count = 2; count <= SEGMENTS; count++) {
    const more = Array.from({ length: count - 1 }, (_, at) => `${long}_${at + 2}`);
    const name = path.replace(`{${long}}`, [long, ...more].map((part) => `{${part}}`).join("/"));
    const longer = structuredClone(item);
    for (const operation of Object.values(longer)) {
      operation.operationId += `-${count}`;
      operation.parameters.push(
        ...more.map((part) => ({ name: part, in: "path", required: true, schema: { type: "string" } })),
      );
    }
    paths[name] = longer;
  }
};
for (const [path, methods] of Object.entries(WANTED)) take(REPOSITORY + path, methods);
for (const [path, methods] of Object.entries(ELSEWHERE)) take(path, methods);

const components = {};
const pending = [paths];
while (pending.length > 0) {
  const value = pending.pop();
  if (value === null || typeof value !== "object") continue;
  for (const [key, part] of Object.entries(value)) {
    if (key !== "$ref" || typeof part !== "string") {
      pending.push(part);
      continue;
    }
    const [, , kind, name] = part.split("/");
    components[kind] ??= {};
    if (components[kind][name]) continue;
    components[kind][name] = whole.components[kind][name];
    pending.push(components[kind][name]);
  }
}

// Prose is for people who read GitHub's pages; here it is only weight.
const bare = (value, inProperties = false) => {
  if (Array.isArray(value)) return value.map((part) => bare(part));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(
    ([key, part]) => inProperties || key !== "description" || typeof part !== "string",
  );
  return Object.fromEntries(entries.map(([key, part]) => [key, bare(part, key === "properties")]));
};
// What an example says about `description` is data: examples are kept as they are.
const examples = components.examples ?? {};
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const kept = Object.fromEntries(Object.entries(components).map(([kind, all]) => [kind, sorted(bare(all))]));
kept.examples = sorted(examples);
for (const answers of [...Object.values(paths), ...Object.values(kept.responses ?? {})]) describe(answers);

// OpenAPI wants a description for every answer.
function describe(value) {
  if (value === null || typeof value !== "object") return;
  for (const answer of Object.values(value.responses ?? {})) if (!answer.$ref) answer.description = "";
  for (const part of Object.values(value)) describe(part);
}
for (const answer of Object.values(kept.responses ?? {})) answer.description = "";

const sliced = {
  openapi: whole.openapi,
  info: {
    title: "The part of GitHub's REST API that changegate asks for",
    version: whole.info.version,
    description: `Cut by slice.mjs from @octokit/openapi ${version}, which is under the MIT licence: see LICENSE-octokit-openapi.`,
  },
  servers: whole.servers,
  paths: bare(paths),
  components: kept,
};
for (const item of Object.values(sliced.paths)) describe(item);
writeFileSync(new URL("api.json", import.meta.url), JSON.stringify(sliced) + "\n");
