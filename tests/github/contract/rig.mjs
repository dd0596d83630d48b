// The validating proxy: stands between a client and the fake GitHub, and holds both to GitHub's own
// descriptions.
//
//   node rig.mjs http://127.0.0.1:PORT
//
// prints its own address. REST goes through Prism over `api.json`: a request or an answer that breaks
// the description comes back as an error. A GraphQL query is validated against GitHub's schema, and the
// fake's answer is executed against it again by graphql-js, so that a value of the wrong type, or a
// null where there can be none, is found. It ends with its standard input.

import { createServer, request as ask } from "node:http";
import { fileURLToPath } from "node:url";
import { createLogger } from "@stoplight/prism-core";
import { getHttpOperationsFromSpec } from "@stoplight/prism-http";
import { createServer as createPrism } from "@stoplight/prism-http-server";
import { schema as source } from "@octokit/graphql-schema";
import { buildSchema, execute, Kind, parse, print, validate, visit } from "graphql";

const upstream = process.argv[2];
// GitHub's published schema defines one field twice, which a strict reader refuses.
const schema = buildSchema(source.idl, { assumeValidSDL: true });

const described = fileURLToPath(new URL("api.json", import.meta.url));
const operations = await getHttpOperationsFromSpec(described);
const prism = createPrism(operations, {
  cors: false,
  config: {
    isProxy: true,
    upstream: new URL(upstream),
    upstreamProxy: undefined,
    validateRequest: true,
    validateResponse: true,
    checkSecurity: false,
    errors: true,
    mock: { dynamic: false, ignoreExamples: false },
  },
  components: { logger: createLogger("prism", { level: "silent" }) },
});
const inner = await prism.listen(0, "127.0.0.1");

const violation = (answer, errors) => {
  const text = JSON.stringify({ message: "not as GitHub describes it", errors });
  answer.writeHead(500, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  answer.end(text);
};

const read = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const forward = (base, message, body, path = message.url) =>
  new Promise((resolve, reject) => {
    const headers = { ...message.headers, "content-length": body.length };
    delete headers["transfer-encoding"];
    // Prism sets the body anew, and does not unpack.
    delete headers["accept-encoding"];
    const sent = ask(new URL(path, base), { method: message.method, headers }, resolve);
    sent.on("error", reject);
    sent.end(body);
  });

const graphql = async (message, body, answer) => {
  const { query, variables, operationName } = JSON.parse(body);
  const document = parse(query);
  const wrong = validate(schema, document);
  if (wrong.length > 0) return violation(answer, wrong.map(String));
  // What kind of thing the fake holds it for has to come with every object.
  const typename = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" }, alias: { kind: Kind.NAME, value: "__as" } };
  const fuller = visit(document, {
    SelectionSet: { leave: (set, _, parent) =>
      parent?.kind === Kind.OPERATION_DEFINITION ? undefined : { ...set, selections: [...set.selections, typename] } },
  });
  const told = await forward(upstream, message, Buffer.from(JSON.stringify({ query: print(fuller), variables, operationName })));
  const text = await read(told);
  if (told.statusCode !== 200) {
    answer.writeHead(told.statusCode, told.headers);
    return answer.end(text);
  }
  const { data, errors } = JSON.parse(text);
  if (data === undefined) return violation(answer, errors);
  const again = await execute({
    schema,
    document,
    rootValue: data,
    variableValues: variables,
    operationName,
    fieldResolver: (parent, _, __, info) => parent[info.path.key],
    typeResolver: (value) => value.__as,
  });
  const unknown = (errors ?? []).filter((error) => error.type === "undefinedField" || error.type === "INVALID");
  if (again.errors || unknown.length > 0) return violation(answer, [...(again.errors ?? []).map(String), ...unknown]);
  const whole = JSON.stringify(errors ? { data: again.data, errors } : { data: again.data });
  const headers = { ...told.headers, "content-length": Buffer.byteLength(whole) };
  answer.writeHead(200, headers);
  answer.end(whole);
};

const server = createServer(async (message, answer) => {
  try {
    const body = await read(message);
    if (message.url === "/graphql") return await graphql(message, body, answer);
    const told = await forward(inner, message, body, message.url.replace(/^\/api\/v3/, ""));
    const text = await read(told);
    const headers = { ...told.headers };
    delete headers["transfer-encoding"];
    // A description that is not met in a way that Prism lets pass is told here.
    if (headers["sl-violations"] && told.statusCode < 400) {
      return violation(answer, JSON.parse(headers["sl-violations"]));
    }
    answer.writeHead(told.statusCode, { ...headers, "content-length": text.length });
    answer.end(text);
  } catch (error) {
    violation(answer, [String(error)]);
  }
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();
