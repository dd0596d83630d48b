//! The audit of a fleet: a data set that engines read, that several machines make together, and that a report is made
//! from.
//!
//! A data set is a folder. Its tables are Parquet, divided by repository and month, for engines such as DuckDB and
//! Spark; its events are what an audit found, in its order, and a report of several data sets is made from them by the
//! same code that makes the report of one audit. The manifest names every file with its digest and comes last.

pub mod audit_event;
pub mod checkpoint;
pub mod dataset_manifest;
pub mod dataset_reader;
pub mod dataset_writer;
mod partitioned_table;
pub mod shard;
