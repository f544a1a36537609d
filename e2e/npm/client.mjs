// The official TypeScript client as a process that tests steer: one JSON
// object a line. It is started with one argument,
//   {"url": "…", "version": "2025-11-25" | "2026-07-28", "headers": {…}, "capabilities": {…}}
// and first tells how connecting went, in the way it answers everything:
//   {"result": …} or {"error": {"name", "message", "code", "data"}}
// Each line {"do": "callTool", "with": {…}} calls that method of the client; with
// "hear": true it asks for progress and writes each {"progress": {…}}, and with
// "giveUp": true it cancels the request at the first.
// When the server elicits, it writes {"elicit": {…}} and waits for a line
// {"answer": {"action": "accept"}}. It ends with its standard input.
import { createInterface } from 'node:readline';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const options = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');

async function heard() {
  const { value, done } = await lines.next();
  if (done) process.exit(0);
  return JSON.parse(value);
}

async function attempt(action) {
  try {
    say({ result: (await action()) ?? null });
  } catch (error) {
    const { name, message, code, data } = error;
    say({ error: { name, message, code: String(code ?? ''), data } });
  }
}

const modern = options.version >= '2026';
const client = new Client(
  { name: 'ostiary-e2e', version: '1.0.0' },
  {
    capabilities: options.capabilities,
    versionNegotiation: { mode: modern ? { pin: options.version } : 'legacy' },
  },
);

if (options.capabilities?.elicitation) {
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    say({ elicit: params });
    return (await heard()).answer;
  });
}

await attempt(async () => {
  const requestInit = { headers: options.headers };
  await client.connect(new StreamableHTTPClientTransport(new URL(options.url), { requestInit }));
  return { server: client.getServerVersion(), version: client.getNegotiatedProtocolVersion() };
});

for (;;) {
  const { do: method, with: params, hear, giveUp } = await heard();
  const controller = new AbortController();
  const onprogress = (progress) => {
    say({ progress });
    if (giveUp) controller.abort('given up');
  };
  await attempt(() => client[method](params, hear || giveUp ? { onprogress, signal: controller.signal } : undefined));
}
