import { fingerprintTokens, inferSessions, workloadOf } from "../../dist/index.js";
import { internHashes } from "../../dist/trace/files/index.js";

/**
 * Holds the records of a tap against what the client sent and saw, request by request.
 * @param {{requests: object[], trace: object | undefined}} options requests in the order in which they were sent, one at
 *   a time; each `{conversation, seen, truePromptTokens, isHeldByServer}`
 * @returns counts of what is right, and `wrong`: a line for everything that is not
 */
export function judgeCell({ requests, trace, key }) {
  const records = trace?.records ?? [];
  const result = {
    requests: requests.length,
    records: records.length,
    hashes: { right: 0, of: 0, exact: 0 },
    promptTokens: { right: 0, of: 0, kept: 0, inBytes: 0 },
    cachedTokens: { right: 0, of: 0 },
    sessionsSent: { right: 0, of: 0 },
    sessionsInferred: { right: 0, of: 0 },
    sessionsUsed: { right: 0, of: 0 },
    ttftDifferencesMs: [],
    tokenSources: new Set(),
    wrong: [],
  };
  if (records.length !== requests.length) {
    for (const part of ["hashes", "promptTokens", "sessionsSent", "sessionsInferred", "sessionsUsed"])
      result[part].of = requests.length;
    result.wrong.push(`${records.length} records of ${requests.length} requests`);
    return result;
  }
  const blockSize = trace.meta.blockSize ?? 16;
  requests.forEach((request, i) => {
    judgeCounts(request, records[i], result, i);
    judgeHashes({ requests, records, blockSize, i, result });
    judgeTokens(request, records[i], { trace, key, blockSize, i, result });
  });
  judgeSessions(requests, trace, result);
  return result;
}

function judgeCounts({ seen, truePromptTokens }, record, result, i) {
  const { extra = {} } = record;
  result.tokenSources.add(extra.token_source ?? "?");
  if (truePromptTokens) {
    result.promptTokens.of++;
    const claim = extra.server_prompt_tokens;
    const isInBytes = extra.token_source === "bytes";
    if (record.promptTokens === truePromptTokens) result.promptTokens.right++;
    else if (claim === truePromptTokens) result.promptTokens.kept++;
    else if (isInBytes && !seen.promptTokens) result.promptTokens.inBytes++;
    else
      result.wrong.push(
        `request ${i}: prompt_tokens ${record.promptTokens}, server says ${claim}, right is ${truePromptTokens}`,
      );
  }
  if (seen.cachedTokens !== undefined && seen.cachedTokens !== null) {
    result.cachedTokens.of++;
    const cached = record.cachedTokens ?? extra.server_cached_tokens;
    if (cached === seen.cachedTokens) result.cachedTokens.right++;
    else result.wrong.push(`request ${i}: cached_tokens ${cached}, the client was told ${seen.cachedTokens}`);
  }
  if (seen.outputTokens && record.outputTokens !== seen.outputTokens)
    result.wrong.push(
      `request ${i}: output_tokens ${record.outputTokens}, the client was told ${seen.outputTokens}`,
    );
  if (seen.ttftMs === undefined) return;
  if (record.ttftMs === undefined)
    result.wrong.push(`request ${i}: no ttft_ms, the client saw a token after ${seen.ttftMs.toFixed(1)} ms`);
  else result.ttftDifferencesMs.push(seen.ttftMs - record.ttftMs);
}

/**
 * Right: as many hashes as the prompt has full blocks; all of the turn before first; and of the other conversation's
 * first turn the part that both share, not more. A prompt that the server holds in part cannot be hashed.
 */
function judgeHashes({ requests, records, blockSize, i, result }) {
  const { conversation, isHeldByServer } = requests[i];
  if (isHeldByServer && conversation.index >= 0 && turnOf(requests, i) > 1) return;
  result.hashes.of++;
  const own = records[i].blockIds;
  const full = Math.floor(records[i].promptTokens / blockSize);
  if (!own || own.length !== full) {
    result.wrong.push(`request ${i}: ${own?.length ?? "no"} hashes, the prompt has ${full} full blocks`);
    return;
  }
  const before = previousOf(requests, i);
  const other = requests.findIndex((request) => request.conversation.index !== conversation.index);
  const lines = [];
  if (before >= 0 && !isHeldByServer) {
    const shared = sharedBlocks(own, records[before].blockIds ?? []);
    const whole = records[before].blockIds?.length ?? 0;
    if (shared < whole)
      lines.push(`request ${i}: shares ${shared} blocks with the turn before, which has ${whole}`);
  }
  if (other < i && other >= 0) {
    const shared = sharedBlocks(own, records[other].blockIds ?? []);
    const least = Math.floor(conversation.system.length / blockSize);
    if (shared < least || shared >= own.length)
      lines.push(
        `request ${i}: shares ${shared} blocks with another conversation, of a system prompt of ${least}`,
      );
  }
  if (lines.length === 0) result.hashes.right++;
  result.wrong.push(...lines);
}

/** Where the server told the prompt's ids, the hashes have to be theirs; over bytes they cannot be. */
function judgeTokens({ trueTokenIds }, record, { trace, key, blockSize, i, result }) {
  if (trueTokenIds === undefined || record.extra?.token_source === "bytes") return;
  const right = internHashes(fingerprintTokens(trueTokenIds, { blockSize, key }), trace.blocks);
  if (right.length === record.blockIds?.length && right.every((id, k) => id === record.blockIds[k]))
    result.hashes.exact++;
  else result.wrong.push(`request ${i}: the hashes are not those of the prompt's tokens`);
}

/** Who continues whom: as the client named it, as the hashes say, and as a replay takes it. */
function judgeSessions(requests, trace, result) {
  const { records } = trace;
  const inferred = inferSessions(trace).parent;
  const used = workloadOf(trace).sessions.parent;
  const names = new Map();
  requests.forEach((request, i) => {
    const parent = previousOf(requests, i);
    if (request.isIdentified) {
      result.sessionsSent.of++;
      const name = records[i].session;
      const { index } = request.conversation;
      if (name !== undefined && !names.has(index) && ![...names.values()].includes(name))
        names.set(index, name);
      if (name !== undefined && names.get(index) === name) result.sessionsSent.right++;
      else
        result.wrong.push(
          `request ${i}: session ${name === undefined ? "not recorded" : `${name}, of another`}`,
        );
    }
    result.sessionsUsed.of++;
    if (used[i] === parent) result.sessionsUsed.right++;
    else result.wrong.push(`request ${i}: a replay takes ${used[i]} for its parent, right is ${parent}`);
    if (request.isHeldByServer) return;
    result.sessionsInferred.of++;
    if (inferred[i] === parent) result.sessionsInferred.right++;
    else result.wrong.push(`request ${i}: inferred parent ${inferred[i]}, right is ${parent}`);
  });
}

/** The request before it in its conversation, -1 for the first. */
function previousOf(requests, i) {
  for (let j = i - 1; j >= 0; j--)
    if (requests[j].conversation.index === requests[i].conversation.index) return j;
  return -1;
}

function turnOf(requests, i) {
  const before = previousOf(requests, i);
  return before < 0 ? 1 : 1 + turnOf(requests, before);
}

function sharedBlocks(a, b) {
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a[shared] === b[shared]) shared++;
  return shared;
}
