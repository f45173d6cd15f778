"""The gateway: decides every query by policy and delivers governed Arrow datasets. Start reading at `query_path.py`."""
