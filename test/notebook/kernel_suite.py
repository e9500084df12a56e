"""Jupyter's own test suite for kernels, with the cells that it needs in TypeScript."""

import unittest

import jupyter_kernel_test

CHART = """import { display, loadChart } from "prefixlab";
await display(loadChart({ timesMs: [0, 1000], running: [1, 2], waiting: [0, 1] }));"""


class PrefixlabKernelTests(jupyter_kernel_test.KernelTests):
    kernel_name = "prefixlab"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oops')"
    completion_samples = [
        {"text": "Number.isSafeI", "matches": {"isSafeInteger"}},
        {"text": "import { kaplanM", "matches": {"kaplanMeier"}},
    ]
    complete_code_samples = ["const a: number = 1;", "1 + 1", "for (const x of [1]) console.log(x);"]
    incomplete_code_samples = ["function f() {", "const a = [1,"]
    invalid_code_samples = ["const a = = 1;", "1 +* 1"]
    code_generate_error = "throw new RangeError('deliberate')"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "[1, 2].map((x) => 2 * x)", "result": "[ 2, 4 ]"},
        {"code": "'text'", "result": "text"},
    ]
    code_display_data = [
        {"code": CHART, "mime": "image/png"},
        {"code": CHART, "mime": "application/vnd.plotly.v1+json"},
    ]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "6 ?*7"
    code_inspect_sample = "Math.max"


if __name__ == "__main__":
    unittest.main()
