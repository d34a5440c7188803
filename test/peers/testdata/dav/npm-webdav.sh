# The package webdav of npm, which many applications use (remotely-save of Obsidian).
npm init -y >/dev/null
npm install --no-audit --no-fund --silent webdav@5.11.0
cat > work.mjs <<'WORK'
import assert from "node:assert";
import { createClient } from "webdav";
const client = createClient(process.env.URL);
await client.createDirectory("/work");
assert(await client.putFileContents("/work/a.txt", "first"));
assert.equal(await client.getFileContents("/work/a.txt", { format: "text" }), "first");
assert.equal(await client.putFileContents("/work/a.txt", "other", { overwrite: false }), false); // If-None-Match: *
const lock = await client.lock("/work/a.txt");
await assert.rejects(client.putFileContents("/work/a.txt", "second"), /423/);
await client.unlock("/work/a.txt", lock.token); // the token comes without < >
assert(await client.putFileContents("/work/a.txt", "second"));
await client.copyFile("/work/a.txt", "/work/b.txt");
await client.moveFile("/work/b.txt", "/work/c d.txt");
const names = (await client.getDirectoryContents("/work")).map((item) => item.basename).sort();
assert.deepEqual(names, ["a.txt", "c d.txt"]);
const stat = await client.stat("/work/a.txt");
assert.equal(stat.size, 6);
assert(stat.etag && stat.lastmod);
await client.deleteFile("/work");
assert.equal(await client.exists("/work"), false);
WORK
node work.mjs
