mod compare;
mod protocol;
mod python_values;
