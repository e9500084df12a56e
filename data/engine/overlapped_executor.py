"""vLLM's executor of one process, with the model in a thread of its own.

vLLM's own (`uni`) runs the model inside the call that hands it a step, so under asynchronous scheduling a step's tokens
leave the engine only after the next step was computed. On a GPU the call returns at once, the next step is composed
while the card computes, and tokens leave when their step ends. This executor returns at once too.

    vllm serve ... --async-scheduling --distributed-executor-backend overlapped_executor.OverlappedExecutor
"""

from concurrent.futures import Future, ThreadPoolExecutor

from vllm.v1.executor.uniproc_executor import UniProcExecutor
from vllm.v1.outputs import AsyncModelRunnerOutput
from vllm.v1.serial_utils import run_method


class OverlappedExecutor(UniProcExecutor):
    """Everything but setting up runs in one thread, in the order of the calls."""

    def _init_executor(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        super()._init_executor()

    def collective_rpc(self, method, timeout=None, args=(), kwargs=None, non_block=False, single_value=False):
        def run():
            result = run_method(self.driver_worker, method, args, kwargs or {})
            if isinstance(result, AsyncModelRunnerOutput):
                result = result.get_output()
            return result if single_value else [result]

        future: Future = self._thread.submit(run)
        return future if non_block else future.result()

    def shutdown(self) -> None:
        self._thread.shutdown(wait=True)
        super().shutdown()
