"""The one place that calls cryptographic libraries."""
