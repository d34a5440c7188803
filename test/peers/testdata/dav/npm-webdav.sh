# The package webdav of npm, which many applications use (remotely-save of Obsidian).
# .ci/run has installed it, and says where.
if [ -n "${FOURTWELVE_NPM_WEBDAV:-}" ]; then
  ln -s "$FOURTWELVE_NPM_WEBDAV/node_modules" node_modules
else
  npm install --no-audit --no-fund --silent --ignore-scripts webdav@5.11.0 || exit 77
fi
cat > work.mjs <<'WORK'
import assert from "node:assert";
import { createClient } from "webdav";
const client = createClient(process.env.URL);
await client.createDirectory("/papers");
assert(await client.putFileContents("/papers/a.txt", "first"));
assert.equal(await client.getFileContents("/papers/a.txt", { format: "text" }), "first");
assert.equal(await client.putFileContents("/papers/a.txt", "other", { overwrite: false }), false); // If-None-Match: *
const lock = await client.lock("/papers/a.txt");
await assert.rejects(client.putFileContents("/papers/a.txt", "second"), /423/);
await client.unlock("/papers/a.txt", lock.token); // the token comes without < >
assert(await client.putFileContents("/papers/a.txt", "second"));
await client.copyFile("/papers/a.txt", "/papers/b.txt");
await client.moveFile("/papers/b.txt", "/papers/c d.txt");
const names = (await client.getDirectoryContents("/papers")).map((item) => item.basename).sort();
assert.deepEqual(names, ["a.txt", "c d.txt"]);
const stat = await client.stat("/papers/a.txt");
assert.equal(stat.size, 6);
assert(stat.etag && stat.lastmod);
await client.deleteFile("/papers");
assert.equal(await client.exists("/papers"), false);
WORK
node work.mjs
