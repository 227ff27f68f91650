//! The hands of an end-to-end test: the operator as a process, kubectl as the user, psql as the reader, and a stamp on
//! each row's commit. They look at the product from outside only: nothing here links it.

pub mod database;
pub mod kubectl;
pub mod names;
pub mod operator;
pub mod proxy;
pub mod psql;
pub mod relay;
pub mod stamps;

pub use database::Database;
pub use kubectl::Kubectl;
pub use names::Names;
pub use operator::Operator;
pub use proxy::Proxy;
pub use psql::Psql;
pub use relay::Relay;
pub use stamps::Stamps;
