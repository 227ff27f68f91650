//! The hands of an end-to-end test: the operator as a process, kubectl as the user, psql as the reader. They look at
//! the product from outside only: nothing here links it.

pub mod kubectl;
pub mod operator;
pub mod psql;

pub use kubectl::Kubectl;
pub use operator::Operator;
pub use psql::Psql;
