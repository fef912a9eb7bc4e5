"""LocalStack where no container engine is: Lambda functions run as processes, and nothing listens beyond loopback."""
