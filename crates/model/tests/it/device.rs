//! Devices: what can be asked for, and with the feature `candle` the code that serves them against the processor's.

use model::{Backend, Device, DeviceError, Layout, LoadOptions, ModelError, Source};

use crate::support::{open, tiny_bytes};

#[cfg(feature = "candle")]
mod candle;

fn load(source: &dyn Source, layout: Layout, device: Device) -> Result<Backend, ModelError> {
    let options = LoadOptions {
        n_threads: 2,
        layout,
    };
    Backend::load(source, &options, device, 8)
}

#[test]
fn a_device_is_named_in_one_way() {
    for (text, device) in [
        ("cpu", Some(Device::Cpu)),
        ("cuda", Some(Device::Cuda(0))),
        ("cuda:1", Some(Device::Cuda(1))),
        ("cuda:", None),
        ("CUDA", None),
        ("gpu", None),
        ("", None),
    ] {
        assert_eq!(Device::parse(text), device, "{text}");
        if let Some(device) = device {
            assert_eq!(device.to_string(), text);
        }
    }
}

/// Weights of 8 and 4 bits are the processor's, and a plan is refused where a start would be.
#[test]
fn what_a_device_cannot_do_is_refused_before_weights_are_read() {
    let gguf = open(&tiny_bytes()).unwrap();
    let cuda = Device::Cuda(1);
    for layout in [Layout::EightBit, Layout::FourBit, Layout::Packed] {
        let expected = if !cfg!(feature = "cuda") {
            DeviceError::NotBuilt(cuda)
        } else if layout == Layout::Packed {
            continue;
        } else {
            DeviceError::Layout(cuda)
        };
        let planned = Backend::planned_bytes(&gguf, layout, cuda).unwrap_err();
        let loaded = load(&gguf, layout, cuda).err().unwrap();
        for error in [planned, loaded] {
            let ModelError::Device(error) = error else {
                panic!("{error}");
            };
            assert_eq!(error, expected);
        }
    }
}

#[test]
fn the_processor_is_the_decoder_itself() {
    let gguf = open(&tiny_bytes()).unwrap();
    for layout in [Layout::Packed, Layout::Float] {
        let backend = load(&gguf, layout, Device::Cpu).unwrap();
        let planned = Backend::planned_bytes(&gguf, layout, Device::Cpu).unwrap();
        assert_eq!(backend.n_bytes(), planned);
        assert_eq!(backend.config(), &gguf.config().unwrap());
    }
}
