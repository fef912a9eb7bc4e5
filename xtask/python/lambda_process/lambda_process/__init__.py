"""Compiled Lambda functions of LocalStack as processes. LAMBDA_RUNTIME_EXECUTOR=process chooses it."""
