import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kvLayoutFromConfig, kvWindowBytesKept } from "../../lib/hardware/index.js";

/** What vLLM's own KVCacheManager kept and found; test/reference/kv-layout/prompt_ends.py has the fields. */
interface PromptEnd {
  readonly windows: readonly number[];
  readonly block_size: number;
  readonly prompt_tokens: number;
  readonly window_blocks: number;
  readonly found: readonly (readonly [shared: number, found: number])[];
}

const path = new URL("../reference/kv-layout/prompt-ends.json", import.meta.url);
const promptEnds = JSON.parse(readFileSync(path, "utf8")) as readonly PromptEnd[];

/** Blocks of a window that a hit needs. */
const blocksOf = (window: number, blockSize: number) => Math.ceil((window - 1) / blockSize);

describe("what vLLM keeps of layers with windows", () => {
  it("is the window before a prompt's last token, whatever the answer", () => {
    for (const { windows, block_size, prompt_tokens, window_blocks } of promptEnds) {
      const end = Math.floor((prompt_tokens - 1) / block_size);
      const kept = windows.map((window) => Math.min(end, blocksOf(window, block_size)));
      expect(window_blocks).toBe(kept.reduce((a, b) => a + b, 0));
    }
  });

  it("lets a prompt find that one up to its last whole block, and of a part of it nothing unless windows reach its start", () => {
    let nothing = 0;
    for (const { windows, block_size, prompt_tokens, found } of promptEnds) {
      const end = Math.floor((prompt_tokens - 1) / block_size);
      const reachesStart = windows.every((window) => blocksOf(window, block_size) >= end);
      for (const [shared, tokens] of found) {
        const blocks = Math.floor(shared / block_size);
        expect(tokens / block_size).toBe(blocks >= end ? end : reachesStart ? blocks : 0);
        if (tokens === 0) nothing++;
      }
    }
    expect(nothing).toBeGreaterThan(10);
  });

  it("is counted in bytes by the groups of a model", () => {
    // gpt-oss-20b: one group of twelve layers with windows of 128 tokens, blocks of 16 tokens of 12 layers.
    const layout = kvLayoutFromConfig({
      model_type: "gpt_oss",
      num_hidden_layers: 24,
      hidden_size: 2880,
      head_dim: 64,
      num_attention_heads: 64,
      num_key_value_heads: 8,
      sliding_window: 128,
    });
    expect(kvWindowBytesKept(layout)).toBe(blocksOf(128, 16) * layout.blockBytes);
    const full = { model_type: "llama", num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 1 };
    expect(kvWindowBytesKept(kvLayoutFromConfig(full))).toBe(0);
  });
});
