"""One process of a function, as long as LocalStack keeps it."""

import json
import os
import subprocess
import tempfile
import threading

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from .runtime_api import Invocation, RuntimeApi

INIT_SECONDS = 10
STOP_SECONDS = 2


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id=id, function_version=function_version)
        self.api = None
        self.process = None
        self.log = tempfile.TemporaryFile(prefix="lambda-")

    def start(self, env_vars):
        folder = str(self.function_version.config.code.get_unzipped_code_location())
        program = os.path.join(folder, "bootstrap")
        if not os.path.isfile(program):
            raise LambdaRuntimeException("the archive has no file named bootstrap")
        os.chmod(program, 0o755)
        self.api = RuntimeApi()
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        env |= {name: str(value) for name, value in env_vars.items()}
        env |= {"AWS_LAMBDA_RUNTIME_API": self.api.address, "LAMBDA_TASK_ROOT": folder}
        self.process = subprocess.Popen(
            [program], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT
        )
        threading.Thread(target=self._watch, daemon=True).start()
        if not self.api.initialised.wait(INIT_SECONDS):
            self.stop()
            raise LambdaRuntimeException(f"the function asked for no event within {INIT_SECONDS} s")
        if self.api.init_error is not None:
            reason = self.api.init_error.decode("utf-8", "replace")
            self.stop()
            raise LambdaRuntimeException(f"the function did not start: {reason}\n{self.get_logs()}")

    def _watch(self):
        status = self.process.wait()
        error = {"errorType": "Runtime.ExitError", "errorMessage": f"Runtime exited with {status}"}
        self.api.fail_all(json.dumps(error).encode())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.api:
            self.api.close()
            self.api = None

    def invoke(self, payload):
        if self.process.poll() is not None:
            raise LambdaRuntimeException(f"the function has ended with {self.process.returncode}")
        timeout = self.function_version.config.timeout
        invocation = Invocation(payload, timeout)
        before = os.fstat(self.log.fileno()).st_size
        self.api.submit(invocation)
        if not invocation.answered.wait(timeout):
            message = f"{invocation.id} Task timed out after {timeout}.00 seconds"
            invocation.settle(json.dumps({"errorMessage": message}).encode(), True)
            self.process.kill()
            self.process.wait()
        self.api.forget(invocation)
        return InvocationResult(invocation.id, invocation.answer, invocation.failed, self._read(before))

    def get_logs(self):
        return self._read(0)

    def _read(self, start):
        size = os.fstat(self.log.fileno()).st_size - start
        return os.pread(self.log.fileno(), size, start).decode("utf-8", "replace")

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        # Another version can have the same code. The folder goes with LocalStack's own.
        pass
