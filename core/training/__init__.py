"""The one loop, and all around it: runs, films, scores, the queue and its workers."""
