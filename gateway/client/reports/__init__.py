"""Report sheets (一表通): templates that turn permitted data into the finished form an office has to hand in."""
