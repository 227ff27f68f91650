//! Values that only the functions for them look into. It defines no such function.

/// Makes a type a CEL value: compared with its own kind, copied, and nothing else.
macro_rules! opaque {
    ($rust:ident, $name:literal) => {
        impl cel::common::value::Val for $rust {
            fn get_type(&self) -> &cel::common::types::Type {
                <Self as cel::common::value::Val>::cel_type()
            }

            fn cel_type() -> &'static cel::common::types::Type {
                static TYPE: cel::common::types::Type = cel::common::types::Type::new_unspecified_type($name);
                &TYPE
            }

            fn equals(&self, other: &dyn cel::common::value::Val) -> bool {
                other.downcast_ref::<$rust>().is_some_and(|other| self == other)
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn cel::common::value::Val + 'v> {
                Box::new(self.clone())
            }

            fn as_any(&self) -> Option<&dyn std::any::Any> {
                Some(self)
            }
        }

        impl cel::common::value::StaticVal for $rust {}

        impl $rust {
            /// Its type, for declarations.
            fn kind() -> cel::common::types::Type {
                <Self as cel::common::value::Val>::cel_type().to_owned()
            }

            /// The value as what it is.
            fn of<'s>(
                value: &'s cel::common::value::CowVal<'_, '_>,
                name: &str,
            ) -> Result<&'s Self, cel::ExecutionError> {
                value.downcast_ref::<$rust>().ok_or_else(|| super::undefined(name, &[value]))
            }
        }
    };
}

pub(super) use opaque;
