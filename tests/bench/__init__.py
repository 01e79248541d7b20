"""Benchmarks: they measure and assert nothing; ./caia bench runs them on a database and services of their own."""
