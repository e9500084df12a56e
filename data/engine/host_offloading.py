"""CPU memory behind the KV pool, for vLLM on a CPU.

vLLM's OffloadingConnector decides what is stored, found, loaded and given up; only its worker, which copies blocks, asks for
an accelerator's streams (`CPUOffloadingSpec.get_worker`: "only supported on CUDA-alike and XPU GPUs"). This spec keeps
vLLM's scheduler, manager and eviction policy, and copies blocks within the call that asks for it. vLLM loads it by name:

    PYTHONPATH=data/engine vllm serve ... --kv-transfer-config '{"kv_connector": "OffloadingConnector", "kv_role": "kv_both",
      "kv_connector_extra_config": {"spec_name": "HostOffloadingSpec", "spec_module_path": "host_offloading",
      "cpu_bytes_to_use": 50331648}}'
"""

import time

import numpy as np
import torch

from vllm.v1.kv_offload.base import OffloadingWorker, TransferResult
from vllm.v1.kv_offload.cpu.spec import CPUOffloadingSpec


class HostOffloadingSpec(CPUOffloadingSpec):
    def get_worker(self, kv_caches):
        if not self._worker:
            self._worker = HostOffloadingWorker(kv_caches, self.num_chunks, self.blocks_per_chunk)
        return self._worker


class HostOffloadingWorker(OffloadingWorker):
    """A row a block in the pool; in the tier, a row for each block of each chunk."""

    def __init__(self, kv_caches, num_chunks: int, blocks_per_chunk: int):
        self.blocks_per_chunk = blocks_per_chunk
        self.refs = kv_caches.group_data_refs
        self.pool = [t.tensor.view(torch.int8) for t in kv_caches.tensors]
        self.tier = [
            torch.zeros((num_chunks * blocks_per_chunk, t.page_size_bytes), dtype=torch.int8) for t in kv_caches.tensors
        ]
        self.finished = []

    def submit_store(self, job_id, src_spec, dst_spec) -> bool:
        return self._copy(job_id, src_spec, dst_spec, self.pool, self.tier, is_store=True)

    def submit_load(self, job_id, src_spec, dst_spec) -> bool:
        return self._copy(job_id, dst_spec, src_spec, self.tier, self.pool, is_store=False)

    def _copy(self, job_id, pool_spec, tier_spec, source, target, is_store: bool) -> bool:
        began = time.monotonic()
        copied = pool_at = chunk_at = 0
        for refs, count, index in zip(self.refs, pool_spec.group_sizes, pool_spec.block_indices):
            # Of its first chunk, a group may use the end alone.
            places = index % self.blocks_per_chunk + np.arange(count)
            chunks = tier_spec.block_ids[chunk_at : chunk_at + -(-int(places[-1] + 1) // self.blocks_per_chunk)] if count else []
            rows = [int(chunks[at // self.blocks_per_chunk]) * self.blocks_per_chunk + at % self.blocks_per_chunk for at in places]
            blocks = pool_spec.block_ids[pool_at : pool_at + count].tolist()
            pairs = list(zip(blocks, rows)) if is_store else list(zip(rows, blocks))
            for ref in refs:
                for here, there in pairs:
                    target[ref.tensor_idx][there, : ref.page_size_bytes] = source[ref.tensor_idx][here, : ref.page_size_bytes]
                copied += count * ref.page_size_bytes
            pool_at += count
            chunk_at += len(chunks)
        self.finished.append(TransferResult(job_id, True, copied, time.monotonic() - began))
        return True

    def get_finished(self) -> list[TransferResult]:
        finished, self.finished = self.finished, []
        return finished

    def wait(self, job_ids) -> None:
        pass
